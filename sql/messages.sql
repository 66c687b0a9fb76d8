-- Messages: interactions as people list and read them, with the name and type of the provider.
--
-- Every list takes the filters of `search`, each of which holds only where it is given. `since`
-- belongs to a period, `until` does not. A search finds the messages in which every word of a term
-- occurs, somewhere in the request or the answer. The figures of the same filters are in
-- statistics.sql; taken in one repeatable-read unit of work, page and figures agree.
--
-- The words of a term are looked up first, by themselves: the planner can't know how rare they are,
-- and might walk all messages by time. What they find then stands in for the table. Words only, no
-- phrases: an index of words can't tell a phrase, and every message that has its words would have to
-- be taken apart.
--
-- A page is found first, from an index alone, and then its rows are read: an offset would unpack
-- every request and answer that it skips otherwise.

-- name: get :one
-- One message with all that was sent and received.
select
  i,
  p.name as provider_name,
  p.type as provider_type,
  i.error is null and coalesce(i.status_code = 200, false) as is_success
from ai_interactions i
left join ai_providers p on p.id = i.provider_id
where i.id = :id

-- name: search :many
-- A page of messages by its offset, in the order asked for.
-- returns: Message
-- default: limit 20
-- default: offset 0
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
from (
  with ai_interactions as materialized ( -- if :search
    select id, created_at, model, provider_id, error, total_tokens, response_time_ms
    from ai_interactions
    where message_words(request, response) @@ plainto_tsquery('simple', :search)
  )
  select id
  from ai_interactions
  where true
    and model = :model                                  -- if :model
    and provider_id = :provider_id                      -- if :provider_id
    and created_at >= :since                            -- if :since
    and created_at < :until                             -- if :until
    and error is not null                               -- if :failed = true
    and error is null                                   -- if :failed = false
    and total_tokens >= :min_tokens                     -- if :min_tokens
    and total_tokens <= :max_tokens                     -- if :max_tokens
    and response_time_ms >= :min_response_time_ms       -- if :min_response_time_ms
    and response_time_ms <= :max_response_time_ms       -- if :max_response_time_ms
  order by
    created_at desc, id desc,                           -- sort: newest / oldest
    model, created_at, id,                              -- sort: model / model_descending
    total_tokens desc nulls last, id desc,              -- sort: most_tokens / fewest_tokens
    response_time_ms desc nulls last, id desc           -- sort: slowest / fastest
  limit :limit offset :offset
) page
join ai_interactions i on i.id = page.id
left join ai_providers p on p.id = i.provider_id
order by
  i.created_at desc, i.id desc,                         -- sort: newest / oldest
  i.model, i.created_at, i.id,                          -- sort: model / model_descending
  i.total_tokens desc nulls last, i.id desc,            -- sort: most_tokens / fewest_tokens
  i.response_time_ms desc nulls last, i.id desc         -- sort: slowest / fastest

-- name: older :many
-- The messages behind one, newest first. The last row seen is the cursor: its time and id are
-- `before` and `before_id` of the next page. Rows that come and go don't disturb it. A cursor takes
-- the place of `until`: given both, the index would begin at one and walk to the other.
-- returns: Message
-- default: before None
-- default: before_id None
-- default: limit 20
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
from (
  with ai_interactions as materialized ( -- if :search
    select id, created_at, model, provider_id, error, total_tokens, response_time_ms
    from ai_interactions
    where message_words(request, response) @@ plainto_tsquery('simple', :search)
  )
  select id
  from ai_interactions
  where (created_at, id) < (                             -- where: search
    coalesce(:before?, 'infinity'::timestamptz),
    coalesce(:before_id?, '00000000-0000-0000-0000-000000000000'::uuid)
  )
  order by created_at desc, id desc
  limit :limit
) page
join ai_interactions i on i.id = page.id
left join ai_providers p on p.id = i.provider_id
order by i.created_at desc, i.id desc

-- name: newer :many
-- The messages behind one, oldest first, as `older` the other way round: `after` takes the place of
-- `since`.
-- returns: Message
-- default: after None
-- default: after_id None
-- default: limit 20
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
from (
  with ai_interactions as materialized ( -- if :search
    select id, created_at, model, provider_id, error, total_tokens, response_time_ms
    from ai_interactions
    where message_words(request, response) @@ plainto_tsquery('simple', :search)
  )
  select id
  from ai_interactions
  where (created_at, id) > (                             -- where: search
    coalesce(:after?, '-infinity'::timestamptz),
    coalesce(:after_id?, '00000000-0000-0000-0000-000000000000'::uuid)
  )
  order by created_at, id
  limit :limit
) page
join ai_interactions i on i.id = page.id
left join ai_providers p on p.id = i.provider_id
order by i.created_at, i.id

-- name: older_by_id :many
-- Messages in the order of their ids, newest first, behind the id of the last one seen.
-- returns: Message
-- default: before_id None
-- default: limit 20
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
where i.id < coalesce(:before_id?, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
order by i.id desc
limit :limit

-- name: newer_by_id :many
-- Messages in the order of their ids, oldest first, behind the id of the last one seen.
-- returns: Message
-- default: after_id None
-- default: limit 20
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
where i.id > coalesce(:after_id?, '00000000-0000-0000-0000-000000000000'::uuid)
order by i.id
limit :limit
