-- name: q :many
select m.id, p.name
from messages m
left join providers p using (id);
