-- name: load :copy
insert into orders (id, amount) values (:id, :amount) returning id;

-- name: doubled :copy
insert into orders (id, amount) values (:id, :amount * 2);

-- name: selected :copy
insert into orders (id, amount) select :id, :amount;

-- name: changed :copy
update orders set amount = :amount where id = :id;
