-- name: q :many
with recursive chain as (
  select id, model, 0 as depth from messages where id = :id
  union all
  select m.id, m.labels[1], depth + 1 from messages m join chain c on m.provider_id = c.id
)
select id, model, depth from chain;
