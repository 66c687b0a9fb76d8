-- name: q :many
select p.name, plain.b
from providers p
full join plain on (plain.a = p.id);
