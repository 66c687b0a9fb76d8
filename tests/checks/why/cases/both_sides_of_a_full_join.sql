-- name: q :many
select coalesce(p.id, m.id) as id, coalesce(p.url, m.model) as either
from providers p
full join messages m on m.id = p.id;
