-- name: q :many
select p.name, m.tokens
from messages m
left join providers p on p.id = m.provider_id
where p.mood = 'fine' and m.tokens > 5;
