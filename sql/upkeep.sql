-- What keeps a large gateway fast: run by `python -m salacia_db.gateway upkeep`.

-- name: fold :one!
-- Adds changes to the summaries, at most as many as asked for; how many these were. 0 where another
-- is at it.
-- timeout: 10min
select coalesce(fold_interaction_changes(:at_most), 0) as folded

-- name: recount :one!
-- Counts all interactions anew and appends what summaries and changes lack; how many figures were
-- wrong.
-- timeout: 120min
select coalesce(recount_interactions(), 0) as corrected

-- name: sort_words :many
-- Sorts words that wait in the index's list into the index, which whoever writes the one word too
-- many had to do otherwise; pages of that list, for each such index. Only the table's owner may.
-- timeout: 10min
select coalesce(gin_clean_pending_list(i.indexrelid::regclass), 0) as pages
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_am m on m.oid = c.relam
where i.indrelid = to_regclass('ai_interactions')
  and m.amname = 'gin'

-- name: forget_interactions :exec
-- Deletes the oldest interactions made before a time, at most as many as asked for.
delete from ai_interactions
where id = any(array(
  select id from ai_interactions where created_at < :until order by created_at, id limit :at_most
))

-- name: forget_requests :exec
-- Deletes the oldest API requests logged before a time, at most as many as asked for. `first_id` is
-- the smallest id of that time.
delete from api_requests
where id = any(array(
  select id from api_requests where id < :first_id order by id limit :at_most
))

-- name: forget_checks :exec
-- Deletes the oldest health checks made before a time, at most as many as asked for.
delete from health_checks
where id = any(array(
  select id from health_checks where created_at < :until order by created_at, id limit :at_most
))

-- name: forget_events :exec
-- Deletes those of the oldest events of messages that are from before a time, at most as many as
-- asked for.
delete from message_events
where (xid, id) in (
  select xid, id
  from (select * from message_events order by xid, id limit :at_most) as oldest
  where created_at < :until
)

-- name: forget_summaries :exec
-- Deletes summaries of a time before which no interaction is left.
delete from interaction_summaries
where minutes in (1, 60, 1440, 44640)
  and starts_at < :until
  and total = 0
