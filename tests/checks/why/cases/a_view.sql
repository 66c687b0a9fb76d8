-- name: q :many
select id, name from named;
