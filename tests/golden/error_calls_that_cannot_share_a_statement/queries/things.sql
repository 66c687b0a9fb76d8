-- name: every :many
-- batch
select * from things;

-- name: nearly :one
-- bach
select * from things where id = :id;

-- name: the_first :one
-- batch
select * from things order by id limit 1;

-- name: tagged :one
-- batch
select * from things where tags = :tags limit 1;

-- name: lottery :one
-- batch
select * from things where id > random() * :most::int limit 1;

-- name: locked :one
-- batch
select * from things where id = :id for update;

-- name: tenant :one
-- batch
select set_config('app.tenant', :tenant, false) as tenant;

-- name: aggregate :one
-- batch
select max(:n::int) as n;

-- name: hidden :one
-- batch
with made as (insert into things values (:id, 'x', '{}') returning *)
select * from made;

-- name: choosy :one
-- batch
select * from things
where id = :id
  and name = :name -- if :name
limit 1;
