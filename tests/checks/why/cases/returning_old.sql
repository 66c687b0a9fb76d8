-- name: q :one
insert into providers (id, name) values (:id, :name)
on conflict (id) do update set name = excluded.name
returning old.name as before, new.name as after, url;
