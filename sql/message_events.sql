-- What happened to messages lately, in an order in which nothing comes in between later: by
-- transaction, and only those older than every transaction that still writes.

-- name: settled :many
-- The events behind a position, in their order.
-- default: limit 1000
select *
from message_events
where (xid, id) > (:after_xid, :after_id)
  and xid < pg_snapshot_xmin(pg_current_snapshot())
order by xid, id
limit :limit

-- name: latest :many
-- The newest events, newest first.
-- default: limit 1000
select *
from message_events
where xid < pg_snapshot_xmin(pg_current_snapshot())
order by xid desc, id desc
limit :limit

-- name: horizon :one!
-- The transaction before which everything is decided: events from now on are of this or later ones.
select pg_snapshot_xmin(pg_current_snapshot())

-- name: messages :many
-- The messages of events, as they are now, in no order; those that are gone are left out.
-- returns: Message
select
  i.id, i.created_at, i.model, i.provider_id, p.name as provider_name, p.type as provider_type,
  i.status_code, i.error, i.error is null and coalesce(i.status_code = 200, false) as is_success,
  i.prompt_tokens, i.completion_tokens, i.total_tokens, i.response_time_ms,
  left(coalesce(
    i.request #>> '{messages,-1,content}', i.request ->> 'prompt', i.request::text
  ), 200) as request_preview,
  left(coalesce(
    i.response #>> '{choices,0,message,content}', i.response #>> '{content,0,text}',
    i.response #>> '{message,content}', i.response::text
  ), 200) as response_preview
from ai_interactions i
left join ai_providers p on p.id = i.provider_id
where i.id = any(:ids)

-- name: forget :exec
-- Takes away those of the oldest events that are from before a time.
-- default: limit 10000
delete from message_events
where (xid, id) in (
  select xid, id
  from (select * from message_events order by xid, id limit :limit) as oldest
  where created_at < :older_than
)
