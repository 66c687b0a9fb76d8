-- name: q :many
select m.model, a.b, p.name
from messages m
left join (
  plain a
  join providers p on p.id = a.a
) on a.a = m.id;
