-- Orders by customer.
select * from orders where customer_id = :customer_id;
