-- name: insert :one
insert into ai_providers (name, type, base_url, settings)
values (:name, :type, :base_url, :settings)
returning id;
