-- name: fine :many
select * from orders;

-- name: commented :many
select * /* from orders;
