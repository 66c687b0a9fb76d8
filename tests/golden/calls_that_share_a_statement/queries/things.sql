-- name: get :one
-- One thing.
-- batch
select * from things where id = :id

-- name: with_code :one!
-- The name stands behind the code.
-- batch: 32
-- timeout: 2s
select calls.code, calls.name -- an alias that the statement around it can't have
from things calls
where code = :code and mood = :mood
limit 1;

-- name: add :one
-- batch
insert into things (name, code) values (:name, :code?)
returning *

-- name: rename :one!
-- batch
update things set name = :name where id = :id
returning name;
