-- name: q :one
select count(*) as all_of_them, max(id) as newest, sum(tokens) filter (where tokens > 1) as some
from messages;
