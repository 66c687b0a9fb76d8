-- name: total_of :one!
-- returns: Total
select count(*) as orders, coalesce(sum(amount), 0) as amount
from orders
where customer_id = :customer_id;
