-- name: get :one
select * from ai_interactions where id = :id;

-- name: get_shared :one
-- batch
select * from ai_interactions where id = :id;

-- name: page :many
select *
from ai_interactions
where model = :model and error is null
order by created_at desc
limit 20;

-- name: slim :many
-- returns: Slim
select
    id, provider_id, model, prompt_tokens, completion_tokens, total_tokens, response_time_ms,
    status_code, error, created_at
from ai_interactions
where created_at >= :since
order by created_at, id
limit 1000;

-- name: full :many
select *
from ai_interactions
where created_at >= :since
order by created_at, id
limit 1000;

-- name: insert :one
insert into ai_interactions (
    provider_id, model, request, response, prompt_tokens, completion_tokens, total_tokens,
    response_time_ms, status_code, error
)
values (
    :provider_id, :model, :request, :response, :prompt_tokens, :completion_tokens, :total_tokens,
    :response_time_ms, :status_code, :error
)
returning *;

-- name: insert_shared :one
-- batch
insert into ai_interactions (
    provider_id, model, request, response, prompt_tokens, completion_tokens, total_tokens,
    response_time_ms, status_code, error
)
values (
    :provider_id, :model, :request, :response, :prompt_tokens, :completion_tokens, :total_tokens,
    :response_time_ms, :status_code, :error
)
returning *;

-- name: insert_only :exec
insert into ai_interactions (
    provider_id, model, request, response, prompt_tokens, completion_tokens, total_tokens,
    response_time_ms, status_code, error
)
values (
    :provider_id, :model, :request, :response, :prompt_tokens, :completion_tokens, :total_tokens,
    :response_time_ms, :status_code, :error
);

-- name: load :copy
insert into ai_interactions (
    provider_id, model, request, response, prompt_tokens, completion_tokens, total_tokens,
    response_time_ms, status_code, error
)
values (
    :provider_id, :model, :request, :response, :prompt_tokens, :completion_tokens, :total_tokens,
    :response_time_ms, :status_code, :error
);

-- name: set_times :one
update ai_interactions
set response_time_ms = :response_time_ms, completion_tokens = :completion_tokens
where id = :id
returning *;

-- name: with_provider :many
select i, p
from ai_interactions i
left join ai_providers p on p.id = i.provider_id
where i.model = :model
order by i.created_at desc
limit 20;

-- name: count :one
select count(*) from ai_interactions where model = :model;

-- name: newest :many
select * from ai_interactions where model = :model order by created_at desc limit 20;

-- name: walk :stream
-- returns: Slim
select
    id, provider_id, model, prompt_tokens, completion_tokens, total_tokens, response_time_ms,
    status_code, error, created_at
from ai_interactions
where created_at >= :since
order by created_at, id
limit :count;
