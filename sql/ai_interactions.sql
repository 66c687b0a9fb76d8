-- Exchanges with providers: written once, streamed answers added later, read as whole rows.
-- For lists to show, see messages.sql; for figures, statistics.sql.

-- name: get :one
-- One interaction.
-- batch
select *
from ai_interactions
where id = :id

-- name: get_with_provider :one
-- One interaction with the provider that was asked, None where that is deleted.
select
  i,
  p
from ai_interactions i
left join ai_providers p on p.id = i.provider_id
where i.id = :id

-- name: with_providers :many
-- The newest interactions with one model that went well, each with the provider that was asked.
-- default: limit 20
select
  i,
  p
from ai_interactions i
left join ai_providers p on p.id = i.provider_id
where i.model = :model
  and i.error is null
order by i.created_at desc, i.id desc
limit :limit

-- name: of_providers :many
-- The interactions of several providers since a time, by provider, newest first.
select *
from ai_interactions
where provider_id = any(:provider_ids)
  and created_at >= :since
order by provider_id, created_at desc, id desc

-- name: create :one!
-- Records an exchange. What is not known yet stays None; `complete` adds it.
-- default: id uuid7()
-- default: provider_id None
-- default: response None
-- default: prompt_tokens None
-- default: completion_tokens None
-- default: total_tokens None
-- default: response_time_ms None
-- default: status_code None
-- default: error None
-- default: created_at None
insert into ai_interactions (
  id, provider_id, model, request, response, prompt_tokens, completion_tokens, total_tokens,
  response_time_ms, status_code, error, created_at
)
values (
  :id, :provider_id, :model, :request, :response, :prompt_tokens, :completion_tokens, :total_tokens,
  :response_time_ms, :status_code, :error, coalesce(:created_at?, now())
)
returning *

-- name: create_many :bulk
-- Records many exchanges at once, in the order given.
-- default: id uuid7()
-- default: provider_id None
-- default: response None
-- default: prompt_tokens None
-- default: completion_tokens None
-- default: total_tokens None
-- default: response_time_ms None
-- default: status_code None
-- default: error None
-- default: created_at None
insert into ai_interactions (
  id, provider_id, model, request, response, prompt_tokens, completion_tokens, total_tokens,
  response_time_ms, status_code, error, created_at
)
values (
  :id, :provider_id, :model, :request, :response, :prompt_tokens, :completion_tokens, :total_tokens,
  :response_time_ms, :status_code, :error, coalesce(:created_at?, now())
)
returning *

-- name: load :copy
-- Records a great many exchanges through COPY: all of them or none.
-- default: id uuid7()
-- default: provider_id None
-- default: response None
-- default: prompt_tokens None
-- default: completion_tokens None
-- default: total_tokens None
-- default: response_time_ms None
-- default: status_code None
-- default: error None
insert into ai_interactions (
  id, provider_id, model, request, response, prompt_tokens, completion_tokens, total_tokens,
  response_time_ms, status_code, error, created_at
)
values (
  :id, :provider_id, :model, :request, :response, :prompt_tokens, :completion_tokens, :total_tokens,
  :response_time_ms, :status_code, :error, :created_at
)

-- name: complete :one
-- Adds what a streamed exchange ended with, in place; what is None stays as it was.
-- default: response None
-- default: prompt_tokens None
-- default: completion_tokens None
-- default: total_tokens None
-- default: response_time_ms None
-- default: status_code None
-- default: error None
update ai_interactions
set response          = coalesce(:response?, response),
    prompt_tokens     = coalesce(:prompt_tokens?, prompt_tokens),
    completion_tokens = coalesce(:completion_tokens?, completion_tokens),
    total_tokens      = coalesce(:total_tokens?, total_tokens),
    response_time_ms  = coalesce(:response_time_ms?, response_time_ms),
    status_code       = coalesce(:status_code?, status_code),
    error             = coalesce(:error?, error)
where id = :id
returning *

-- name: delete :one
-- Forgets an exchange, and returns what it was.
delete from ai_interactions
where id = :id
returning *

-- name: export :stream
-- The interactions of a period, oldest first: its start belongs to it, its end does not.
select *
from ai_interactions
where created_at >= :since
  and created_at < :until
order by created_at, id
