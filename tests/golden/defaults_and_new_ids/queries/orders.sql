-- name: place :one
-- default: id uuid7()
-- default: note None
insert into orders (id, customer_id, amount, note)
values (:id, :customer_id, :amount, :note)
returning *;

-- name: newest :many
-- default: limit 20
-- default: smallest 0.5
select * from orders
where amount >= :smallest
order by placed_at desc
limit :limit;
