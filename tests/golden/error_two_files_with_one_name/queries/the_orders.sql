-- name: get :one
select * from orders where id = :id;
