-- name: q :many
select
  case when id > 1 then 'a' end as without_else,
  case when id > 1 then 'a' else model end as with_else,
  case when id > 1 then model else b end as of_a_branch
from messages, plain;
