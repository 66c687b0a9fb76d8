-- Messages: interactions as people list and read them, with the name and type of the provider.
--
-- A list comes in two directions: `older` begins at the end of a period and goes back in time,
-- `newer` begins at its start. `since` belongs to the period, `until` does not; one that is left
-- out leaves it open. The last row seen is the cursor: its time and id are `until` and `until_id`
-- of the next page back, `since` and `since_id` of the next page forth. Rows that come and go don't
-- disturb it. An offset is for pages by number. A row more than is shown tells whether there are
-- more.
--
-- Time and id are one bound, compared as a pair: beside a bound on the time alone, an index would
-- begin there and walk. The page is found first, from the index alone, and then its rows are read:
-- an offset would unpack every request and answer that it skips otherwise.
--
-- The figures of the same filters are in statistics.sql; taken in one repeatable-read unit of work,
-- page and figures agree.

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

-- name: older :many
-- Messages of a period, newest first.
-- returns: Message
-- default: since None
-- default: until None
-- default: until_id None
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
  select id
  from ai_interactions
  where created_at >= coalesce(:since?, '-infinity'::timestamptz)
    and (created_at, id) < (
      coalesce(:until?, 'infinity'::timestamptz),
      coalesce(:until_id?, '00000000-0000-0000-0000-000000000000'::uuid)
    )
  order by created_at desc, id desc
  limit :limit offset :offset
) page
join ai_interactions i on i.id = page.id
left join ai_providers p on p.id = i.provider_id
order by i.created_at desc, i.id desc

-- name: newer :many
-- Messages of a period, oldest first.
-- returns: Message
-- default: since None
-- default: until None
-- default: since_id None
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
  select id
  from ai_interactions
  where (created_at, id) > (
      coalesce(:since?, '-infinity'::timestamptz),
      coalesce(:since_id?, '00000000-0000-0000-0000-000000000000'::uuid)
    )
    and created_at < coalesce(:until?, 'infinity'::timestamptz)
  order by created_at, id
  limit :limit offset :offset
) page
join ai_interactions i on i.id = page.id
left join ai_providers p on p.id = i.provider_id
order by i.created_at, i.id

-- name: older_of_model :many
-- Messages of one model, newest first.
-- returns: Message
-- default: since None
-- default: until None
-- default: until_id None
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
  select id
  from ai_interactions
  where model = :model
    and created_at >= coalesce(:since?, '-infinity'::timestamptz)
    and (created_at, id) < (
      coalesce(:until?, 'infinity'::timestamptz),
      coalesce(:until_id?, '00000000-0000-0000-0000-000000000000'::uuid)
    )
  order by created_at desc, id desc
  limit :limit offset :offset
) page
join ai_interactions i on i.id = page.id
left join ai_providers p on p.id = i.provider_id
order by i.created_at desc, i.id desc

-- name: newer_of_model :many
-- Messages of one model, oldest first.
-- returns: Message
-- default: since None
-- default: until None
-- default: since_id None
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
  select id
  from ai_interactions
  where model = :model
    and (created_at, id) > (
      coalesce(:since?, '-infinity'::timestamptz),
      coalesce(:since_id?, '00000000-0000-0000-0000-000000000000'::uuid)
    )
    and created_at < coalesce(:until?, 'infinity'::timestamptz)
  order by created_at, id
  limit :limit offset :offset
) page
join ai_interactions i on i.id = page.id
left join ai_providers p on p.id = i.provider_id
order by i.created_at, i.id

-- name: older_of_provider :many
-- Messages of one provider, newest first.
-- returns: Message
-- default: since None
-- default: until None
-- default: until_id None
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
  select id
  from ai_interactions
  where provider_id = :provider_id
    and created_at >= coalesce(:since?, '-infinity'::timestamptz)
    and (created_at, id) < (
      coalesce(:until?, 'infinity'::timestamptz),
      coalesce(:until_id?, '00000000-0000-0000-0000-000000000000'::uuid)
    )
  order by created_at desc, id desc
  limit :limit offset :offset
) page
join ai_interactions i on i.id = page.id
left join ai_providers p on p.id = i.provider_id
order by i.created_at desc, i.id desc

-- name: newer_of_provider :many
-- Messages of one provider, oldest first.
-- returns: Message
-- default: since None
-- default: until None
-- default: since_id None
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
  select id
  from ai_interactions
  where provider_id = :provider_id
    and (created_at, id) > (
      coalesce(:since?, '-infinity'::timestamptz),
      coalesce(:since_id?, '00000000-0000-0000-0000-000000000000'::uuid)
    )
    and created_at < coalesce(:until?, 'infinity'::timestamptz)
  order by created_at, id
  limit :limit offset :offset
) page
join ai_interactions i on i.id = page.id
left join ai_providers p on p.id = i.provider_id
order by i.created_at, i.id

-- name: older_failed :many
-- Messages with an error, newest first.
-- returns: Message
-- default: since None
-- default: until None
-- default: until_id None
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
  select id
  from ai_interactions
  where error is not null
    and created_at >= coalesce(:since?, '-infinity'::timestamptz)
    and (created_at, id) < (
      coalesce(:until?, 'infinity'::timestamptz),
      coalesce(:until_id?, '00000000-0000-0000-0000-000000000000'::uuid)
    )
  order by created_at desc, id desc
  limit :limit offset :offset
) page
join ai_interactions i on i.id = page.id
left join ai_providers p on p.id = i.provider_id
order by i.created_at desc, i.id desc

-- name: newer_failed :many
-- Messages with an error, oldest first.
-- returns: Message
-- default: since None
-- default: until None
-- default: since_id None
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
  select id
  from ai_interactions
  where error is not null
    and (created_at, id) > (
      coalesce(:since?, '-infinity'::timestamptz),
      coalesce(:since_id?, '00000000-0000-0000-0000-000000000000'::uuid)
    )
    and created_at < coalesce(:until?, 'infinity'::timestamptz)
  order by created_at, id
  limit :limit offset :offset
) page
join ai_interactions i on i.id = page.id
left join ai_providers p on p.id = i.provider_id
order by i.created_at, i.id

-- name: older_matching :many
-- Messages in which every word of a term occurs, somewhere in the request or the answer,
-- newest first.
-- The words are looked up first, by themselves: the planner can't know how rare they are, and might
-- walk all messages by time. Words only, no phrases: an index of words can't tell a phrase, and
-- every message that has its words would have to be taken apart.
-- returns: Message
-- default: since None
-- default: until None
-- default: until_id None
-- default: limit 20
-- default: offset 0
with matching as materialized (
  select id, created_at
  from ai_interactions
  where message_words(request, response) @@ plainto_tsquery('simple', :search)
)
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
  select id
  from matching
  where created_at >= coalesce(:since?, '-infinity'::timestamptz)
    and (created_at, id) < (
      coalesce(:until?, 'infinity'::timestamptz),
      coalesce(:until_id?, '00000000-0000-0000-0000-000000000000'::uuid)
    )
  order by created_at desc, id desc
  limit :limit offset :offset
) page
join ai_interactions i on i.id = page.id
left join ai_providers p on p.id = i.provider_id
order by i.created_at desc, i.id desc

-- name: newer_matching :many
-- Messages in which every word of a term occurs, somewhere in the request or the answer,
-- oldest first.
-- returns: Message
-- default: since None
-- default: until None
-- default: since_id None
-- default: limit 20
-- default: offset 0
with matching as materialized (
  select id, created_at
  from ai_interactions
  where message_words(request, response) @@ plainto_tsquery('simple', :search)
)
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
  select id
  from matching
  where (created_at, id) > (
      coalesce(:since?, '-infinity'::timestamptz),
      coalesce(:since_id?, '00000000-0000-0000-0000-000000000000'::uuid)
    )
    and created_at < coalesce(:until?, 'infinity'::timestamptz)
  order by created_at, id
  limit :limit offset :offset
) page
join ai_interactions i on i.id = page.id
left join ai_providers p on p.id = i.provider_id
order by i.created_at, i.id

-- name: older_by_id :many
-- Messages in the order of their ids, newest first, behind the id of the last one seen.
-- returns: Message
-- default: until_id None
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
where i.id < coalesce(:until_id?, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
order by i.id desc
limit :limit

-- name: newer_by_id :many
-- Messages in the order of their ids, oldest first, behind the id of the last one seen.
-- returns: Message
-- default: since_id None
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
where i.id > coalesce(:since_id?, '00000000-0000-0000-0000-000000000000'::uuid)
order by i.id
limit :limit
