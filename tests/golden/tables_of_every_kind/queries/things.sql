-- name: get :one
select * from things where id = :id;
