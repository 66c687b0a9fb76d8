-- name: q :many
select
  (select name from providers where id = m.provider_id) as provider,
  (select count(*) from plain) as plain,
  coalesce((select b from plain limit 1), 'none') as b
from messages m;
