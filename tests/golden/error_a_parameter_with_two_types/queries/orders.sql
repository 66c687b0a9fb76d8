-- name: of :many
select * from orders
where customer_id = :id
  and amount > :id;

-- name: either :many
select * from customers where name = :what or id = :what;
