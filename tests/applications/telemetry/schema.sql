create type device_state as enum ('provisioned', 'online', 'offline', 'retired');
create type severity as enum ('info', 'warning', 'critical');

create table sites (
  id int generated always as identity primary key,
  name text not null,
  time_zone text not null default 'UTC',
  location point
);

create table devices (
  id uuid primary key default gen_random_uuid(),
  site_id int references sites (id),
  serial text not null unique,
  model text not null,
  state device_state not null default 'provisioned',
  firmware text,
  labels jsonb not null default '{}',
  last_seen_at timestamptz
);

create table metrics (
  id smallint primary key,
  name text not null unique,
  unit text,
  lower_limit double precision,
  upper_limit double precision
);

create table readings (
  device_id uuid not null references devices (id),
  metric_id smallint not null references metrics (id),
  at timestamptz not null,
  value double precision not null,
  quality smallint,
  primary key (device_id, metric_id, at)
) partition by range (at);

create table readings_2024 partition of readings for values from ('2024-01-01') to ('2025-01-01');
create table readings_rest partition of readings default;

create table alerts (
  id bigint generated always as identity primary key,
  device_id uuid not null references devices (id),
  metric_id smallint references metrics (id),
  severity severity not null,
  message text not null,
  raised_at timestamptz not null default now(),
  cleared_at timestamptz,
  acknowledged_by text
);

create materialized view hourly as
select
  device_id,
  metric_id,
  date_trunc('hour', at) as hour,
  count(*) as samples,
  avg(value) as average,
  min(value) as lowest,
  max(value) as highest
from readings
group by 1, 2, 3;
