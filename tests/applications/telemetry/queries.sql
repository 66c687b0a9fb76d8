-- name: devices :many
select d.id, d.serial, d.model, d.state, d.last_seen_at, s.name as site, d.labels ->> 'owner' as owner
from devices d
left join sites s on s.id = d.site_id
where d.state <> 'retired'
order by d.serial;

-- name: latest_readings :many
select m.name as metric, m.unit, r.at, r.value
from metrics m
cross join lateral (
  select at, value
  from readings
  where device_id = :device_id and metric_id = m.id
  order by at desc
  limit 1
) r
order by m.name;

-- name: record :exec
insert into readings (device_id, metric_id, at, value, quality)
values (:device_id, :metric_id, :at, :value, :quality)
on conflict (device_id, metric_id, at) do nothing;

-- name: series :many
select
  date_bin('5 minutes', at, timestamptz '2000-01-01') as bucket,
  avg(value) as average,
  min(value) as lowest,
  max(value) as highest,
  stddev_samp(value) as deviation
from readings
where device_id = :device_id and metric_id = :metric_id and at >= :from and at < :until
group by bucket
order by bucket;

-- name: filled_series :many
select t.hour, h.average, coalesce(h.samples, 0) as samples
from generate_series(:from::timestamptz, :until::timestamptz, interval '1 hour') as t (hour)
left join hourly h on h.hour = t.hour and h.device_id = :device_id and h.metric_id = :metric_id
order by t.hour;

-- name: out_of_limits :many
select
  r.device_id,
  d.serial,
  m.name as metric,
  r.value,
  m.upper_limit,
  r.value - m.upper_limit as excess
from readings r
join devices d on d.id = r.device_id
join metrics m on m.id = r.metric_id
where r.value > m.upper_limit and r.at > now() - interval '1 hour'
order by excess desc;

-- name: open_alerts :many
select
  a.id,
  d.serial,
  coalesce(m.name, 'device') as subject,
  a.severity,
  a.message,
  age(now(), a.raised_at) as open_for,
  a.acknowledged_by
from alerts a
join devices d on d.id = a.device_id
left join metrics m on m.id = a.metric_id
where a.cleared_at is null
order by a.severity desc, a.raised_at;

-- name: changes :many
select
  at,
  value,
  value - lag(value, 1, value) over w as change,
  at - lag(at) over w as since_last,
  first_value(value) over w as first,
  row_number() over w as number
from readings
where device_id = :device_id and metric_id = :metric_id
window w as (order by at)
order by at;

-- name: heartbeat :one
update devices
set last_seen_at = now(), state = 'online', firmware = coalesce(:firmware?, firmware)
where serial = :serial
returning id, state, last_seen_at, firmware;

-- name: fleet :many
select
  s.id,
  s.name,
  count(d.id) as devices,
  count(d.id) filter (where d.state = 'online') as online,
  max(d.last_seen_at) as last_seen_at,
  jsonb_object_agg(d.serial, d.state) filter (where d.id is not null) as states,
  coalesce(bool_or(a.severity = 'critical'), false) as critical
from sites s
left join devices d on d.site_id = s.id
left join alerts a on a.device_id = d.id and a.cleared_at is null
group by s.id
order by s.name;
