-- name: get :one
select * form orders where id = :id;
