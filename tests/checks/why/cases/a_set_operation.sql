-- name: q :many
select id, name from providers
union all
select id, b
from messages, plain;
