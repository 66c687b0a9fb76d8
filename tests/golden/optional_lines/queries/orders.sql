-- name: search :many
-- Orders that match every filter given.
-- default: limit 20
with wanted as ( -- if :customer
  select id from customers where name = :customer
)
select o.id, o.amount, c.name
from orders o
left join customers c on c.id = o.customer_id
where true
  and o.customer_id in (select id from wanted)   -- if :customer
  and o.amount >= :at_least                      -- if :at_least
  and o.note is not null                         -- if :noted = true
  and o.note is null                             -- if :noted = false
order by
  o.placed_at desc, o.id desc,                   -- sort: newest / oldest
  o.amount desc,                                 -- sort: dearest / cheapest
  o.id                                           -- sort: dearest / cheapest
limit :limit;

-- name: with_notes :many
select o.id
from orders o
where o.amount > 0 -- where: costing
order by o.id;

-- name: costing :many
select o.id
from orders o
where o.amount >= :at_least   -- if :at_least
  and o.note is not null      -- if :noted = true
order by o.id;

-- name: change :one!
-- Changes what is given.
update orders
set
  note = :note,               -- if :note
  amount = :amount            -- if :amount
where id = :id
returning *;

-- name: add :one!
insert into orders (
  id,
  amount,
  note,                       -- if :note
  placed_at                   -- if :placed_at
)
values (
  :id,
  :amount,
  :note,                      -- if :note
  :placed_at                  -- if :placed_at
)
returning *;

-- name: amend :one
-- Changes the note, or finds the order as it is.
-- empty: get
update orders
set
  note = :note                -- if :note
where id = :id
returning *;

-- name: get :one
select * from orders where id = :id;
