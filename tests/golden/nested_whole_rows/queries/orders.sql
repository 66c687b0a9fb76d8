-- name: with_customer :many
-- Orders of known customers: the inner join always finds one.
select o, c, o.amount * 2 as doubled
from orders o
join customers c on c.id = o.customer_id
where o.placed_at >= :since;
