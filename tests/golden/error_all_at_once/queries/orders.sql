select 1;

-- name: of :one
select * from orders where customer_id = :customer_id;

-- name: wrong :many
select 'unterminated from orders;

-- name: last :many
select * from ordres;
