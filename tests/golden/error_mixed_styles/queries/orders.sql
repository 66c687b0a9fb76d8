-- name: get :many
select * from orders where id = :id and amount = $1;

-- name: at :many
select * from orders where id = @id;
