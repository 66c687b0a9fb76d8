-- name: get :one
select * from orders where id = :id;

-- name: get :many
select * from customers;

-- name: Get :many
select * from customers;
