-- name: set :one
-- Creates the setting or changes it.
insert into settings (key, value)
values (:key, :value)
on conflict (key) do update set value = excluded.value, changed_at = now()
returning *;

-- name: set_once :one
-- None where it was there already.
insert into settings (key, value)
values (:key, :value)
on conflict (key) do nothing
returning *;

-- name: forget :exec
delete from settings where key = :key;
