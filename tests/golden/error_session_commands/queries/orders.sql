-- name: begin :exec
begin;

-- name: setting :exec
set search_path = public;

-- name: vacuum :exec
vacuum orders;
