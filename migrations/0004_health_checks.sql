-- depends: 0001_foundation

create table health_checks (
  id               uuid        not null default uuidv7(),
  status           varchar(20) not null,
  database_status  boolean     not null,
  response_time_ms int         not null,
  details          jsonb,
  created_at       timestamptz not null default now(),

  constraint health_checks_pkey primary key (id),
  constraint health_checks_status_known check (status in ('healthy', 'degraded', 'unhealthy')),
  constraint health_checks_response_time_ms_not_negative check (response_time_ms >= 0)
);

-- The latest check, and the share of checks that found the gateway up in a period.
create index health_checks_created_at_idx on health_checks (created_at, id) include (status);

-- Outages are rare: an index of their own finds the last of them however long ago they were.
create index health_checks_unhealthy_idx on health_checks (created_at, id)
  where status = 'unhealthy';

comment on table health_checks is 'What one look at the gateway''s health found.';
comment on column health_checks.id is 'Sorts by time of creation (UUIDv7).';
comment on column health_checks.status is
  '`healthy`, `degraded` (it works, but slowly or in part) or `unhealthy` (it is down).';
comment on column health_checks.database_status is 'Whether the database answered.';
comment on column health_checks.response_time_ms is 'How long the check took, in milliseconds.';
comment on column health_checks.details is 'What else the check saw, by component.';
comment on column health_checks.created_at is 'When the check was made.';
