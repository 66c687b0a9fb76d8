-- name: q :many
select m.tokens
from providers p
left join messages m on m.provider_id = p.id;
