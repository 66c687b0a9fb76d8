-- name: get :one
select * from tenants where id = :id;
