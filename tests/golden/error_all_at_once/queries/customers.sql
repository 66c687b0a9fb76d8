-- name: get :one
select nmae from customers where id = :id;

-- name: fine :many
select * from customers;

-- name: get :one
select * from customers where id = :id;
