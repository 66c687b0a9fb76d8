-- name: q :many
select p.name, figures.messages, figures.tokens
from providers p
left join lateral (
  select count(*) as messages, max(tokens) as tokens from messages where provider_id = p.id
) figures on true;
