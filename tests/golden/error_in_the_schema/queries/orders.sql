-- name: get :one
select * from orders where id = :id;

-- name: wrong :one
select * form orders;

-- nmae: near :one
select 1 as one;
