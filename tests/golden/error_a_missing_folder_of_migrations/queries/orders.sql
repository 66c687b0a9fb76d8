-- name: one :one
select 1 as one;
