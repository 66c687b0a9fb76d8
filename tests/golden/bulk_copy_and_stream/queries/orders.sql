-- name: add_all :bulk
-- Many orders, returned in the order given.
-- default: id uuid7()
insert into orders (id, amount) values (:id, :amount) returning *;

-- name: annotate_all :bulk
update orders set note = :note where id = :id;

-- name: load :copy
insert into orders (id, customer_id, amount, note)
values (:id, :customer_id, :amount, :note);

-- name: all :stream
select * from orders order by id;

-- name: amounts :stream
select amount from orders where placed_at >= :since;
