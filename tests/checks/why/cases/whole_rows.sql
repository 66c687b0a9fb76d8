-- name: q :one
select m, p
from messages m
left join providers p on p.id = m.provider_id
where m.id = :id;
