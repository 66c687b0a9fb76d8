-- name: get :one!
-- One order.
-- none: NoSuchOrder
select * from orders where id = :id;

-- name: amount_of :one!
-- timeout: 500ms
select amount from orders where id = :id;

-- name: count :one
-- Exactly one row is proven: it never gives None.
select count(*) from orders;
