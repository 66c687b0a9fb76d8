-- name: all :many
select * from orderz;

-- name: add :exec
insert into custmers (id, name) values (:id, :name);

-- name: of_schema :many
select * from nowhere.orders;
