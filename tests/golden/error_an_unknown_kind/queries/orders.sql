-- name: get :onne
select * from orders where id = :id;

-- name: all :all
select * from orders;

-- name: rows :execrows
delete from orders where id = :id;

-- name: later :page
select * from orders;

-- name: kindless
select * from orders;
