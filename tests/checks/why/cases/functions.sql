-- name: q :many
select upper(model) as upper, to_char(id, 'FM9') as shown, shout(model) as loud,
  body ->> 'x' as x, id / 2 as half, nullif(id, 1) as other
from messages;
