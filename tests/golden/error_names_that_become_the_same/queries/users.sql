-- name: all :many
select * from user_data;
