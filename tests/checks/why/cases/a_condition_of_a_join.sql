-- name: q :many
select m.tokens
from messages m
join plain on m.tokens = plain.a;
