-- name: add :one
insert into orders (id, amount) values (:id, :amount);

-- name: forget :many
delete from orders where id = :id;

-- name: nothing :exec
-- returns: Order
select * from orders;
