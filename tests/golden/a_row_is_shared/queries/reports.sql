-- name: totals :many
-- returns: Total
select count(*) as orders, coalesce(sum(amount), 0) as amount
from orders
group by customer_id;

-- name: customers :many
select id, name, nickname
from customers
order by id;
