-- name: q :many
select m.id, p.name, m.tokens
from messages m
left join providers p on p.id = m.provider_id
where true
  and p.name = :name         -- if :name
  and m.tokens > :tokens     -- if :tokens
