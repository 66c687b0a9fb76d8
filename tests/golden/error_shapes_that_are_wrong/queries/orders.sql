-- name: one :one
select note from orders
where amount > :amount        -- if :amount
  and id = :id;               -- if :id

-- name: differing_columns :many
select
  id,
  note                        -- if :with_note = true
from orders;

-- name: differing_types :many
select o.id from orders o join customers c on c.id = o.customer_id
where true
  and o.amount = :x           -- if :by = amount
  and c.name = :x;            -- if :by = name

-- name: rejected :many
select id from orders
where amount > :amount        -- if :amount
order by amount +
  :more;                      -- if :more

-- name: sometimes :exec
with added as (               -- if :add = true
  insert into customers (id, name) values (gen_random_uuid(), 'somebody')
)
update orders set note = null where id = :id;

-- name: needless :exec
-- empty: one
update orders set note = :note where id = :id;

-- name: still_writes :exec
with gone as (delete from customers where id = :customer)
update orders set
  note = :note                -- if :note
where id = :id;
