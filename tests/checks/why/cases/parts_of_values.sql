-- name: q :many
select body ->> 'a' as text, labels[1] as first, lag(model) over (order by id) as previous
from messages;
