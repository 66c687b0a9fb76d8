-- name: get :one
-- none: NoSuchOrder
select * from orders where id = :id;

-- name: late :one
-- timeout: soon
select * from orders where id = :id;

-- name: default :many
-- default: limt 20
-- default: amount now()
select * from orders where amount > :amount limit :limit;

-- name: fits_not :many
-- default: limit 'ten'
select * from orders limit :limit;

-- name: row :many
-- retruns: Total
select * from orders;
