-- name: all :many
select * from users;
