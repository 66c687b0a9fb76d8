-- name: get :one
select * from providers where id = :id;

-- name: key_of :one
select api_key from providers where id = :id;

-- name: rotate :exec
update providers set api_key = :key, old_key = api_key where id = :id;
