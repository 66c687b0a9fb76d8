-- name: all_orders :many
select * from orders;
