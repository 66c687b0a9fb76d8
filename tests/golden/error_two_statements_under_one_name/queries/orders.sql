-- name: replace :exec
delete from orders where id = :id;
insert into orders (id, amount) values (:id, :amount);

-- name: nothing :exec

-- name: only_a_semicolon :exec
;
