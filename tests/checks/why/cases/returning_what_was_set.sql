-- name: q :one
update messages set tokens = 5, provider_id = :provider_id
where id = :id and provider_id is not null
returning tokens, provider_id, new.model;
