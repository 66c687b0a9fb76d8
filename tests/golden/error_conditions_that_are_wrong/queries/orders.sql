-- name: nearly :many
select id from orders
where amount > :a             -- fi :a
  and note = :b               -- if b
  and note = :c               /* if :c */
  and amount > 0              -- if :d = TRUE
  and amount > :e             -- if :e and :a
  and amount > :f;            -- if :g

-- name: its_own_line :many
select id from orders
-- if :id
where id = :id;

-- name: too_much :many
select id
from orders where amount > :a -- if :a
order by id;

-- name: everything :many
select id from orders where amount > :a; -- if :a

-- name: closes :many
select id from orders
where id in (
  select id from customers where name = :a), id > 1 -- if :a
;

-- name: used_elsewhere :many
select id from orders
where amount > :a             -- if :a
  or amount < :a;

-- name: not_always_used :many
select id from orders
where amount between :a and :b; -- if :a

-- name: flag_and_word :many
select id from orders
where amount > 0              -- if :by = true
  and amount > 1;             -- if :by = day

-- name: default_that_is_none :many
-- default: by 'week'
select id from orders
where amount > 0;             -- if :by = day

-- name: in_bulk :bulk
insert into orders (id, amount,
  note                        -- if :note
) values (:id, :amount,
  :note                       -- if :note
);

-- name: sorted :many
select id from orders
order by
  amount,                     -- sort: amount / amount
  note,
  id;                         -- sort: newest

-- name: other :many
select id from orders where true; -- where: nobody

-- name: round :many
select id from orders where true -- where: about
;

-- name: about :many
select id from orders where true -- where: round
;
