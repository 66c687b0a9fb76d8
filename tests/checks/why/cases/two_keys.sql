-- name: q :one!
select m.model, p.name
from messages m
join providers p on p.id = m.provider_id
where m.id = :id;
