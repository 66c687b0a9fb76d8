-- nmae: get :one
select * from orders where id = :id;

-- name get_it :one
select * from orders where id = :id;

--name: spaces_are_free:one
select * from orders where id = :id;

-- name: two words :one
select * from orders where id = :id;

-- name: 1st :one
select * from orders where id = :id;
