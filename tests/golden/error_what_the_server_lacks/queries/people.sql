-- name: a_key :one
select uuid_generate_v4() as key;

-- name: in_order :many
select id from people order by name collate "de-x-icu";
