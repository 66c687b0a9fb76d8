-- name: of_customer :one
select * from orders where customer_id = :customer_id;

-- name: joined :one!
select o.id
from orders o
join customers c on c.name = o.note
where o.id = :id;

-- name: first :one
select * from orders where customer_id = :customer_id order by id limit 1;
