-- Figures over interactions, exact to the last commit: counted from the rows themselves, or from
-- summaries and what is not folded into them yet (`interaction_figures`).
--
-- Successful is what ended without an error and with status 200; failed is what has an error or
-- another status. A streamed interaction that is still under way is neither. The success rate is in
-- percent of all, times are in milliseconds; both are null where there is nothing to divide.
-- `since` belongs to a period, `until` does not; left out, it is open at that end.

-- name: summary :one!
-- The figures of the messages that `messages.search` finds with the same filters. The entries of the
-- index that finds them are read, and with a search the messages; `overview` answers some filters
-- without.
-- returns: Summary
with ai_interactions as materialized ( -- if :search
  select
    created_at, model, provider_id, status_code, errored, total_tokens, response_time_ms
  from ai_interactions
  where message_words(request, response) @@ plainto_tsquery('simple', :search)
),
per_model as (
  select
    model,
    count(*) as total,
    count(*) filter (where not errored and status_code = 200) as successful,
    count(*) filter (where errored or status_code <> 200) as failed,
    sum(total_tokens) as total_tokens,
    sum(response_time_ms) as response_time_ms,
    count(response_time_ms) as timed
  from ai_interactions i
  where true -- where: messages.search
  group by model
)
select
  coalesce(sum(total), 0)::bigint as total,
  coalesce(sum(successful), 0)::bigint as successful,
  coalesce(sum(failed), 0)::bigint as failed,
  100 * sum(successful)::float8 / sum(total)::float8 as success_rate,
  coalesce(sum(total_tokens), 0)::bigint as total_tokens,
  sum(response_time_ms)::float8 / nullif(sum(timed), 0)::float8 as average_response_time_ms,
  (array_agg(model order by total desc, model))[1] as most_used_model,
  count(*) as distinct_models
from per_model

-- name: overview :one!
-- The figures of a period, a model, a provider, of what has an error or has none, and of all of these
-- together: what `summary` says, from the summaries. How many messages match makes no difference.
-- returns: Summary
-- default: since None
-- default: until None
with per_model as (
  select
    model,
    sum(total) as total,
    sum(successful) as successful,
    sum(failed) as failed,
    sum(total_tokens) as total_tokens,
    sum(response_time_ms) as response_time_ms,
    sum(timed) as timed
  from interaction_figures(coalesce(:since?, '-infinity'::timestamptz), coalesce(:until?, 'infinity'::timestamptz))
  where true
    and model = :model                -- if :model
    and provider_id = :provider_id    -- if :provider_id
    and errored                       -- if :failed = true
    and not errored                   -- if :failed = false
  group by model
  having sum(total) > 0
)
select
  coalesce(sum(total), 0)::bigint as total,
  coalesce(sum(successful), 0)::bigint as successful,
  coalesce(sum(failed), 0)::bigint as failed,
  100 * sum(successful)::float8 / sum(total)::float8 as success_rate,
  coalesce(sum(total_tokens), 0)::bigint as total_tokens,
  sum(response_time_ms)::float8 / nullif(sum(timed), 0)::float8 as average_response_time_ms,
  (array_agg(model order by total desc, model))[1] as most_used_model,
  count(*) as distinct_models
from per_model

-- name: periods :many
-- The figures of the last 5 minutes, the last 24 hours and all time, in this order.
with per_model as (
  select
    period.age,
    period.name as period,
    model,
    coalesce(sum(total), 0) as total,
    coalesce(sum(successful), 0) as successful,
    coalesce(sum(failed), 0) as failed,
    sum(total_tokens) as total_tokens,
    sum(response_time_ms) as response_time_ms,
    sum(timed) as timed
  from (
    values
      (1, '5 minutes', now() - interval '5 minutes'),
      (2, '24 hours', now() - interval '24 hours'),
      (3, 'all', '-infinity')
  ) as period (age, name, since)
  left join lateral interaction_figures(period.since, 'infinity') on true
  group by period.age, period.name, model
)
select
  period,
  sum(total)::bigint as total,
  sum(successful)::bigint as successful,
  sum(failed)::bigint as failed,
  100 * sum(successful)::float8 / nullif(sum(total), 0)::float8 as success_rate,
  coalesce(sum(total_tokens), 0)::bigint as total_tokens,
  sum(response_time_ms)::float8 / nullif(sum(timed), 0)::float8 as average_response_time_ms,
  (array_agg(model order by total desc, model) filter (where total > 0))[1] as most_used_model,
  count(model) filter (where total > 0) as distinct_models
from per_model
group by age, period
order by age

-- name: hourly :many
-- The last 24 hours, hour by hour, the current one last; an hour in which nothing happened is there
-- too. Hours begin on the hour of UTC.
with figures as (
  select starts_at, total, failed, total_tokens, response_time_ms, timed
  from interaction_summaries
  where minutes = 60
    and starts_at >= date_trunc('hour', now(), 'UTC') - interval '23 hours'
    and starts_at <= date_trunc('hour', now(), 'UTC')
  union all
  select
    date_trunc('hour', created_at, 'UTC'), total, failed, total_tokens, response_time_ms, timed
  from interaction_changes
)
select
  hour,
  coalesce(sum(total), 0)::bigint as total,
  coalesce(sum(failed), 0)::bigint as failed,
  sum(response_time_ms)::float8 / nullif(sum(timed), 0)::float8 as average_response_time_ms,
  coalesce(sum(total_tokens), 0)::bigint as total_tokens
from generate_series(
  date_trunc('hour', now(), 'UTC') - interval '23 hours', date_trunc('hour', now(), 'UTC'), '1 hour'
) as hour
left join figures on starts_at = hour
group by hour
order by hour

-- name: top_models :many
-- The models used most in the last 24 hours, the first of them first.
-- default: limit 5
select
  model,
  sum(total)::bigint as total,
  coalesce(sum(total_tokens), 0)::bigint as total_tokens
from interaction_figures(now() - interval '24 hours', 'infinity')
where model is not null -- a function's columns may be null for all that is known
group by model
having sum(total) > 0
order by sum(total) desc, model
limit :limit
