-- name: all :many
select * from big_orders order by amount desc;

-- name: of :many
select id, customer from big_orders where customer = :customer;
