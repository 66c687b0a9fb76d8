-- Facts about the installation itself, each under its key.

-- name: get :one
-- The fact under a key.
select *
from system_metadata
where key = :key

-- name: set :one!
-- Writes the fact under a key, whether or not there was one, and returns the row as it is now.
-- A description that is left out stays as it was.
-- default: description None
-- default: id uuid7()
insert into system_metadata as m (id, key, value, description)
values (:id, :key, :value, :description)
on conflict (key) do update
  set value       = excluded.value,
      description = coalesce(excluded.description, m.description)
returning *

-- name: delete :one
-- Forgets the fact under a key, and returns what it was.
delete from system_metadata
where key = :key
returning *

-- name: with_prefix :many
-- The facts whose key begins with these characters, by key; `%` and `_` mean themselves.
select *
from system_metadata
where key ^@ :prefix
order by key
