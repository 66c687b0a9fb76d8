-- name: echo :one
select :anything as anything;

-- name: nothing :many
select * from orders where :a is null;
