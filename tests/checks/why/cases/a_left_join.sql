-- name: q :many
select m.id, p.name, p.url
from messages m
left join providers p on p.id = m.provider_id
where m.model = :model;
