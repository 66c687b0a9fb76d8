-- name: q :many
select id, pg_advisory_lock(id) is null as locked from messages for update;
