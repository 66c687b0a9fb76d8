-- name: get :one
select * from accounts where id = :id;
