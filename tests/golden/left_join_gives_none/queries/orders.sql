-- name: with_customer :many
-- Every order; the customer is None where there is none.
select o, c
from orders o
left join customers c on c.id = o.customer_id;

-- name: customer_of :one
-- The columns of a join that may find nothing are nullable, whatever the table says.
select c.id, c.name
from orders o
left join customers c on c.id = o.customer_id
where o.id = :id;

-- name: named_customer_of :one
-- The condition proves that a customer was found.
select c.id, c.name
from orders o
left join customers c on c.id = o.customer_id
where o.id = :id and c.name = :name;
