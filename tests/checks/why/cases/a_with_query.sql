-- name: q :many
with counted as (
  select provider_id, count(*) as n from messages group by provider_id
)
select c.n, l.model
from providers p
left join counted c on c.provider_id = p.id
left join lateral (
  select model from messages m where m.provider_id = p.id limit 1
) l on true;
