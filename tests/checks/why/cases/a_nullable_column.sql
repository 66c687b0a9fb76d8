-- name: q :one
select url, mood from providers where id = :id;
