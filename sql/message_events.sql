-- What happened to messages lately, in an order in which nothing comes in between later: by
-- transaction, and only those older than every transaction that still writes.

-- name: settled :many
-- The events behind a position, in their order, with their messages as they are now; without one
-- that is gone. The messages are looked up one by one, so that no plan ever reads the whole table.
-- default: limit 1000
select e.xid, e.id, e.kind, e.message_id, m.*
from (
  select *
  from message_events
  where (xid, id) > (:after_xid, :after_id)
    and xid < pg_snapshot_xmin(pg_current_snapshot())
  order by xid, id
  limit :limit
) e
left join lateral (
  select
    i.created_at, i.model, i.provider_id, p.name as provider_name, p.type as provider_type,
    i.status_code, i.error, i.error is null and coalesce(i.status_code = 200, false) as is_success,
    i.prompt_tokens, i.completion_tokens, i.total_tokens, i.response_time_ms,
    left(coalesce(
      i.request #>> '{messages,-1,content,0,text}', i.request #>> '{messages,-1,content}',
      i.request #>> '{input,-1,content,0,text}', i.request #>> '{input,-1,content}',
      i.request #>> '{contents,-1,parts,0,text}', i.request #>> '{prompt,0}',
      i.request ->> 'prompt', i.request ->> 'input', i.request::text
    ), 200) as request_preview,
    left(coalesce(
      i.response #>> '{choices,0,message,content}', i.response #>> '{content,0,text}',
      i.response #>> '{message,content}', i.response #>> '{choices,0,text}',
      i.response #>> '{output,0,content,0,text}',
      i.response #>> '{candidates,0,content,parts,0,text}',
      i.response ->> 'completion', i.response ->> 'response', i.response::text
    ), 200) as response_preview
  from ai_interactions i
  left join ai_providers p on p.id = i.provider_id
  where i.id = e.message_id
  limit 1
) m on true
order by e.xid, e.id

-- name: first_of_latest :one
-- The first of the newest events.
select xid, id
from (
  select xid, id
  from message_events
  where xid < pg_snapshot_xmin(pg_current_snapshot())
  order by xid desc, id desc
  limit :limit
) latest
order by xid, id
limit 1

-- name: horizon :one!
-- The transaction before which everything is decided: events from now on are of this or later ones.
select pg_snapshot_xmin(pg_current_snapshot())
