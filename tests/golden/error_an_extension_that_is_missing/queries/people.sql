-- name: every :many
select * from people;
