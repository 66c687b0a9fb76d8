-- name: q :many
select distinct on (m.id) m.id, p.name as provider, last.name
from messages m
join providers p using (id)
LEFT OUTER JOIN LATERAL (select distinct on (o.id) o.id, o.name from providers o) last
  ON (last.id = m.id);
