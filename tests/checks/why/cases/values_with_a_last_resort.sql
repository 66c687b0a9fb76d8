-- name: q :many
select coalesce(tokens, 0) as counted, greatest(tokens, 1) as some, coalesce(url, null) as url
from messages, providers;
