-- name: get :one
select * from people where id = :id;
