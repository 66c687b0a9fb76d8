-- name: q :many
select model, max(id) as newest, sum(tokens) as tokens, max(id) filter (where id > 5) as late
from messages
group by model;
