-- name: totals :many
-- returns: Total
select count(*) as orders, sum(amount) as amount from orders group by customer_id;

-- name: other_totals :many
-- returns: Total
select count(*) as orders, max(note) as note from orders group by customer_id;

-- name: an_order :many
-- returns: Order
select id, amount from orders;
