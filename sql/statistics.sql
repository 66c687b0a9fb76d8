-- Figures over interactions, counted from the rows themselves and so exact to the last commit.
--
-- Successful is what ended without an error and with status 200; failed is what has an error or
-- another status. A streamed interaction that is still under way is neither. The success rate is in
-- percent of all, times are in milliseconds; both are null where there is nothing to divide.
-- `since` belongs to a period, `until` does not; left out, it is open at that end.

-- name: summary :one!
-- The figures of the messages that `messages.search` finds with the same filters.
-- returns: Summary
with matching as materialized ( -- if :search
  select id
  from ai_interactions
  where message_words(request, response) @@ plainto_tsquery('simple', :search)
),
per_model as (
  select
    model,
    count(*) as total,
    count(*) filter (where error is null and status_code = 200) as successful,
    count(*) filter (where error is not null or status_code <> 200) as failed,
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

-- name: periods :many
-- The figures of the last 5 minutes, the last 24 hours and all time, in this order. One pass over
-- the rows serves all three.
with per_age as (
  select
    case
      when created_at >= now() - interval '5 minutes' then 1
      when created_at >= now() - interval '24 hours' then 2
      else 3
    end as age,
    model,
    count(*) as total,
    count(*) filter (where error is null and status_code = 200) as successful,
    count(*) filter (where error is not null or status_code <> 200) as failed,
    sum(total_tokens) as total_tokens,
    sum(response_time_ms) as response_time_ms,
    count(response_time_ms) as timed
  from ai_interactions
  group by age, model
),
per_model as (
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
  from (values (1, '5 minutes'), (2, '24 hours'), (3, 'all')) as period (age, name)
  left join per_age on per_age.age <= period.age
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
  (array_agg(model order by total desc, model))[1] as most_used_model,
  count(model) as distinct_models
from per_model
group by age, period
order by age

-- name: hourly :many
-- The last 24 hours, hour by hour, the current one last; an hour in which nothing happened is there
-- too. Hours begin on the hour of UTC.
select
  hour,
  count(i.id) as total,
  count(i.id) filter (where i.error is not null or i.status_code <> 200) as failed,
  avg(i.response_time_ms)::float8 as average_response_time_ms,
  coalesce(sum(i.total_tokens), 0) as total_tokens
from generate_series(
  date_trunc('hour', now(), 'UTC') - interval '23 hours', date_trunc('hour', now(), 'UTC'), '1 hour'
) as hour
left join ai_interactions i
  on i.created_at >= hour
  and i.created_at < hour + interval '1 hour'
group by hour
order by hour

-- name: top_models :many
-- The models used most in the last 24 hours, the first of them first.
-- default: limit 5
select
  i.model,
  count(*) as total,
  coalesce(sum(i.total_tokens), 0) as total_tokens
from ai_interactions i
where i.created_at >= now() - interval '24 hours'
group by i.model
order by total desc, i.model
limit :limit
