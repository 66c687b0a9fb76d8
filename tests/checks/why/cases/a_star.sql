-- name: q :one
-- Ü is two bytes in UTF-8.
select 'Ü' as u, p.*, m.tokens as "Größe"
from providers p
left join messages m on m.id = p.id
limit 1;
