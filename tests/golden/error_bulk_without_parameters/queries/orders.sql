-- name: forget :bulk
delete from orders;

-- name: read :bulk
select * from orders where id = :id;

-- name: many_each :bulk
delete from orders where customer_id = :customer_id returning id;
