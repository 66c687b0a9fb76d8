-- name: names :many
select lowr(name) as name from customers;

-- name: wrong_types :many
select name + 1 as name from customers;
