-- name: statistics :one
select count(*), sum(amount) * 2, max(placed_at)
from orders;

-- name: twice :many
select c.id, o.id
from orders o
join customers c on c.id = o.customer_id;
