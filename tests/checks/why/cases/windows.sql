-- name: q :many
select row_number() over w as number, lag(id) over w as before, first_value(id) over w as first
from messages
window w as (order by id);
