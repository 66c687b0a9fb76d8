-- name: q :many
select model, provider_id, count(*) as messages, max(id) as newest
from messages
group by rollup (model, provider_id);
