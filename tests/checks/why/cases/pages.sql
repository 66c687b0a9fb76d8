-- name: q :page
select m.id, m.tokens
from messages m
where m.model = :model
order by m.id;
