-- Messages: interactions as people list and read them, with the name and type of the provider.
--
-- Each filter holds only where it is given. `since` belongs to a period, `until` does not. A search
-- finds the messages in which every word of a term occurs, somewhere in the request or the answer.
-- The figures of the same filters are in statistics.sql; taken in one repeatable-read unit of work,
-- page and figures agree.
--
-- The words of a term are looked up first, by themselves, and what they find stands in for the table
-- under its name: the planner can't know how rare the words are, and might walk all messages by time.
-- Words only, no phrases: an index of words can't tell a phrase, and every message that has its words
-- would have to be taken apart.

-- name: get :one
-- One message with all that was sent and received.
-- returns: MessageDetail
select
  i.id, i.created_at, i.model, i.provider_id, p.name as provider_name, p.type as provider_type,
  i.status_code, i.error, i.error is null and coalesce(i.status_code = 200, false) as is_success,
  i.prompt_tokens, i.completion_tokens, i.total_tokens, i.response_time_ms, i.request, i.response
from ai_interactions i
left join ai_providers p on p.id = i.provider_id
where i.id = :id

-- name: search :page
-- Messages in the order asked for: behind a cursor, before one, or by the number of the page. Their
-- previews begin with what was said last, wherever the provider's format has it; else with the JSON.
-- So many formats make them dear enough for the planner to leave them until the page is found.
-- returns: Message
-- default: limit 20
with ai_interactions as materialized ( -- if :search
  select
    id, created_at, model, provider_id, status_code, error, errored, prompt_tokens,
    completion_tokens, total_tokens, response_time_ms, request, response
  from ai_interactions
  where message_words(request, response) @@ plainto_tsquery('simple', :search)
)
select
  i.id, i.created_at, i.model, i.provider_id, p.name as provider_name, p.type as provider_type,
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
    i.response #>> '{output,0,content,0,text}', i.response #>> '{candidates,0,content,parts,0,text}',
    i.response ->> 'completion', i.response ->> 'response', i.response::text
  ), 200) as response_preview
from ai_interactions i
left join ai_providers p on p.id = i.provider_id
where true
  and i.model = :model                                    -- if :model
  and i.provider_id = :provider_id                        -- if :provider_id
  and i.created_at >= :since                              -- if :since
  and i.created_at < :until                               -- if :until
  and i.errored                                           -- if :failed = true
  and not i.errored                                       -- if :failed = false
  and i.total_tokens >= :min_tokens                       -- if :min_tokens
  and i.total_tokens <= :max_tokens                       -- if :max_tokens
  and i.response_time_ms >= :min_response_time_ms         -- if :min_response_time_ms
  and i.response_time_ms <= :max_response_time_ms         -- if :max_response_time_ms
order by
  i.created_at desc, i.id desc,                           -- sort: newest / oldest
  i.id,                                                   -- sort: id / id_descending
  i.model, i.created_at, i.id,                            -- sort: model / model_descending
  i.total_tokens desc nulls last, i.id desc,              -- sort: most_tokens / fewest_tokens
  i.response_time_ms desc nulls last, i.id desc           -- sort: slowest / fastest

-- name: forward :one
-- One message as `get` gives it, with what was sent and received untouched, to be passed on.
-- returns: ForwardedMessage
-- as request: msgspec.Raw
-- as response: msgspec.Raw
select
  i.id, i.created_at, i.model, i.provider_id, p.name as provider_name, p.type as provider_type,
  i.status_code, i.error, i.error is null and coalesce(i.status_code = 200, false) as is_success,
  i.prompt_tokens, i.completion_tokens, i.total_tokens, i.response_time_ms, i.request, i.response
from ai_interactions i
left join ai_providers p on p.id = i.provider_id
where i.id = :id
