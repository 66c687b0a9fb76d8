-- name: noted :many
select id, note from orders where note is not null;

-- name: like_this :many
select id, note from orders where note like :pattern;

-- name: either :many
select id, note from orders where note like :pattern or amount > 5;

-- name: statistics :one
select count(*) as orders, sum(amount) as amount, max(placed_at) as newest,
  coalesce(avg(amount), 0) as average
from orders;

-- name: move :one
update orders set customer_id = :to, note = nullif(:note, '') where id = :id
returning id, customer_id, note, amount;
