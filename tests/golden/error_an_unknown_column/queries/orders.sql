-- name: get :one
select id, amuont
from orders
where id = :id;

-- name: of_customer :many
select o.id, o.plcaed_at from orders o where o.custmer_id = :id;

-- name: nothing_like_it :many
select zebra from orders;
