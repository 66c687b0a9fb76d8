-- name: get :one
select * from billing.accounts where id = :id;

-- name: named :many
select a, b
from accounts a
join billing.accounts b using (id)
where b.state = :state;
