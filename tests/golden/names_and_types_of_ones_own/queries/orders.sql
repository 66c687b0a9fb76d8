-- name: of :many
select o, c
from orders o
join customers c on c.id = o.customer_id
where c.nickname = :alias;
