-- depends: 0006_ai_interactions

-- Figures kept up, so that a dashboard over ten million interactions reads some thousand rows and is
-- exact to the last commit: whoever changes an interaction appends what that changes in the figures,
-- in the same transaction, and `fold_interaction_changes` adds it to the summaries later. Summaries
-- and what is not folded yet are the figures in any snapshot, whoever commits when. Nobody waits for
-- anybody: writers only append, and one folds at a time.

create table interaction_changes (
  created_at       timestamptz  not null,
  model            varchar(100) not null,
  provider_id      uuid,
  errored          boolean      not null,
  total            int          not null,
  successful       int          not null,
  failed           int          not null,
  total_tokens     bigint       not null,
  response_time_ms bigint       not null,
  timed            int          not null
)
-- It is emptied all the time; what is dead has to go before a reader meets it.
with (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0);

create table interaction_summaries (
  minutes          int          not null,
  starts_at        timestamptz  not null,
  model            varchar(100) not null,
  provider_id      uuid,
  errored          boolean      not null,
  total            bigint       not null,
  successful       bigint       not null,
  failed           bigint       not null,
  total_tokens     bigint       not null,
  response_time_ms bigint       not null,
  timed            bigint       not null,

  constraint interaction_summaries_minutes_known check (minutes in (1, 60, 1440, 44640))
);

-- One row for each span, model, provider and outcome; spans of one length lie together. An index
-- rather than a constraint, as the provider may be null.
create unique index interaction_summaries_span_idx on interaction_summaries
  (minutes, starts_at, model, errored, coalesce(provider_id, '00000000-0000-0000-0000-000000000000'));

comment on table interaction_changes is
  'What changed in the figures since the summaries were last brought up: one row for each '
  'interaction that came, and for each side of one that changed or went.';
comment on column interaction_changes.created_at is 'When the interaction was made.';
comment on column interaction_changes.model is 'The model of the interaction.';
comment on column interaction_changes.provider_id is 'The provider of the interaction.';
comment on column interaction_changes.errored is 'Whether the interaction has an error.';
comment on column interaction_changes.total is 'Interactions that came, less those that went.';
comment on column interaction_changes.successful is 'Those without an error and with status 200.';
comment on column interaction_changes.failed is 'Those with an error or another status.';
comment on column interaction_changes.total_tokens is 'Their tokens.';
comment on column interaction_changes.response_time_ms is 'Their response times, added up.';
comment on column interaction_changes.timed is 'Those whose response time is known.';

comment on table interaction_summaries is
  'Figures of interactions by minute, hour, day and month. `interaction_changes` has what is not in '
  'here yet.';
comment on column interaction_summaries.minutes is 'How long the span is: 1, 60 or 1440 minutes, or a month, which counts as 44640.';
comment on column interaction_summaries.starts_at is 'When the span begins; days and months are those of UTC.';
comment on column interaction_summaries.model is 'The model of these interactions.';
comment on column interaction_summaries.provider_id is 'Their provider; null where it is deleted.';
comment on column interaction_summaries.errored is 'Whether they have an error.';
comment on column interaction_summaries.total is 'How many there are.';
comment on column interaction_summaries.successful is 'Those without an error and with status 200.';
comment on column interaction_summaries.failed is 'Those with an error or another status.';
comment on column interaction_summaries.total_tokens is 'Their tokens.';
comment on column interaction_summaries.response_time_ms is 'Their response times, added up.';
comment on column interaction_summaries.timed is 'Those whose response time is known.';

create function note_interaction_change() returns trigger
language plpgsql
security definer
as $$
begin
  if tg_op = 'TRUNCATE' then
    truncate interaction_changes, interaction_summaries;
    return null;
  end if;
  if tg_op <> 'INSERT' then
    insert into interaction_changes values (
      old.created_at, old.model, old.provider_id, old.error is not null, -1,
      -(old.error is null and old.status_code is not distinct from 200)::int,
      -(old.error is not null or coalesce(old.status_code <> 200, false))::int,
      -coalesce(old.total_tokens, 0), -coalesce(old.response_time_ms, 0),
      -(old.response_time_ms is not null)::int
    );
  end if;
  if tg_op <> 'DELETE' then
    insert into interaction_changes values (
      new.created_at, new.model, new.provider_id, new.error is not null, 1,
      (new.error is null and new.status_code is not distinct from 200)::int,
      (new.error is not null or coalesce(new.status_code <> 200, false))::int,
      coalesce(new.total_tokens, 0), coalesce(new.response_time_ms, 0),
      (new.response_time_ms is not null)::int
    );
  end if;
  return null;
end
$$;

create function fold_interaction_changes(at_most int default 100000) returns int
language plpgsql
as $$
declare
  folded int;
begin
  -- Two at a time would wait for each other's summaries; the second leaves it to the first.
  if not pg_try_advisory_xact_lock('interaction_summaries'::regclass::oid::int, 0) then
    return 0;
  end if;
  with taken as (
    delete from interaction_changes
    where ctid = any(array(select ctid from interaction_changes limit at_most))
    returning *
  ),
  spans as (
    select
      span.minutes,
      date_trunc(span.field, created_at, 'UTC') as starts_at,
      model,
      provider_id,
      errored,
      sum(total) as total,
      sum(successful) as successful,
      sum(failed) as failed,
      sum(total_tokens) as total_tokens,
      sum(response_time_ms) as response_time_ms,
      sum(timed) as timed
    from taken, (
      values (1, 'minute'), (60, 'hour'), (1440, 'day'), (44640, 'month')
    ) as span (minutes, field)
    group by 1, 2, 3, 4, 5
  ),
  brought as (
    insert into interaction_summaries as s
    select * from spans
    on conflict (
      minutes, starts_at, model, errored,
      coalesce(provider_id, '00000000-0000-0000-0000-000000000000')
    )
    do update set
      total            = s.total + excluded.total,
      successful       = s.successful + excluded.successful,
      failed           = s.failed + excluded.failed,
      total_tokens     = s.total_tokens + excluded.total_tokens,
      response_time_ms = s.response_time_ms + excluded.response_time_ms,
      timed            = s.timed + excluded.timed
  )
  select count(*) into folded from taken;
  return folded;
end
$$;

create function recount_interactions() returns bigint
language plpgsql
as $$
declare
  corrected bigint;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise 'recount_interactions() needs a read committed transaction'
      using errcode = 'active_sql_transaction';
  end if;
  -- Two at a time would both add what is missing.
  perform pg_advisory_xact_lock('interaction_changes'::regclass::oid::int, 0);
  -- One statement, and so one snapshot: what others commit later, they note themselves.
  with figures as (
    select
      date_trunc('minute', created_at, 'UTC') as starts_at,
      model,
      provider_id,
      error is not null as errored,
      count(*) as total,
      count(*) filter (where error is null and status_code = 200) as successful,
      count(*) filter (where error is not null or status_code <> 200) as failed,
      coalesce(sum(total_tokens), 0) as total_tokens,
      coalesce(sum(response_time_ms), 0) as response_time_ms,
      count(response_time_ms) as timed
    from ai_interactions
    group by 1, 2, 3, 4
    union all
    select
      starts_at, model, provider_id, errored,
      -total, -successful, -failed, -total_tokens, -response_time_ms, -timed
    from interaction_summaries
    where minutes = 1
    union all
    select
      date_trunc('minute', created_at, 'UTC'), model, provider_id, errored,
      -total, -successful, -failed, -total_tokens, -response_time_ms, -timed
    from interaction_changes
  ),
  missing as (
    insert into interaction_changes
    select
      starts_at, model, provider_id, errored, sum(total), sum(successful), sum(failed),
      sum(total_tokens), sum(response_time_ms), sum(timed)
    from figures
    group by 1, 2, 3, 4
    having (sum(total), sum(successful), sum(failed), sum(total_tokens), sum(response_time_ms),
            sum(timed)) <> (0, 0, 0, 0, 0, 0)
    returning *
  )
  select count(*) into corrected from missing;
  return corrected;
end
$$;

-- The span from `since` to `until` (infinite where it is open) as months, the days on both sides of
-- them, the hours on both sides of those, then minutes, and rows for what is left of a minute.
create function interaction_figures(since timestamptz, until timestamptz)
returns table (
  model varchar, provider_id uuid, errored boolean, total bigint, successful bigint, failed bigint,
  total_tokens bigint, response_time_ms bigint, timed bigint
)
language sql
stable
begin atomic
  with edges as (
    select
      field,
      -- In UTC, where each day has 24 hours and a month ends as a month does.
      case
        when since_floor < since then (since_floor at time zone 'UTC' + step) at time zone 'UTC'
        else since_floor
      end as opens,
      until_floor as closes
    from (
           values ('minute', interval '1 minute'), ('hour', '1 hour'), ('day', '24 hours'),
                  ('month', '1 month')
         ) as span (field, step),
         lateral (
           select date_trunc(field, since, 'UTC') as since_floor,
                  date_trunc(field, until, 'UTC') as until_floor
         ) as floors
  ),
  cut as (
    select
      minute.opens as m1, minute.closes as m2,
      hour.opens as h1, hour.closes as h2,
      day.opens as d1, day.closes as d2,
      month.opens as o1, month.closes as o2
    from edges minute, edges hour, edges day, edges month
    where minute.field = 'minute' and hour.field = 'hour' and day.field = 'day'
      and month.field = 'month'
  )
  select s.model, s.provider_id, s.errored, s.total, s.successful, s.failed, s.total_tokens,
         s.response_time_ms, s.timed
  from cut,
       lateral (
         values (44640, o1, o2),
                (1440, d1, least(o1, d2)), (1440, greatest(o1, o2), d2),
                (60, h1, least(d1, h2)), (60, greatest(d1, d2), h2),
                (1, m1, least(h1, m2)), (1, greatest(h1, h2), m2)
       ) as part (minutes, lower, upper),
       lateral (
         select *
         from interaction_summaries s
         where s.minutes = part.minutes
           and s.starts_at >= part.lower
           and s.starts_at < part.upper
         offset 0
       ) as s
  union all
  select c.model, c.provider_id, c.errored, c.total, c.successful, c.failed, c.total_tokens,
         c.response_time_ms, c.timed
  from cut, interaction_changes c
  where c.created_at >= m1
    and c.created_at < m2
  union all
  select i.model, i.provider_id, i.error is not null, 1,
         (i.error is null and i.status_code is not distinct from 200)::int,
         (i.error is not null or coalesce(i.status_code <> 200, false))::int,
         coalesce(i.total_tokens, 0), coalesce(i.response_time_ms, 0),
         (i.response_time_ms is not null)::int
  from cut,
       lateral (values (since, least(m1, until)), (greatest(m1, m2), until)) as rest (lower, upper),
       lateral (
         select *
         from ai_interactions i
         where i.created_at >= rest.lower
           and i.created_at < rest.upper
         offset 0
       ) as i;
end;

comment on function note_interaction_change() is
  'Appends to interaction_changes what a change of an interaction changes in the figures.
salacia: only writes';
comment on function fold_interaction_changes(int) is
  'Adds changes to the summaries, at most as many as are asked for at a time; returns how many. '
  'Returns 0 where another is at it.';
comment on function recount_interactions() is
  'Counts all interactions and appends what summaries and changes lack to the changes; returns how '
  'many figures were wrong. It reads the whole table and holds up nobody.';
comment on function interaction_figures(timestamptz, timestamptz) is
  'Figures of the interactions from a time to another, exact to the last commit, to be added up.';

-- Where these find their tables doesn't depend on who calls them. Those who record interactions need
-- no right to the figures; for this, the first of them is the owner's.
do $$
declare
  function text;
begin
  foreach function in array array[
    'note_interaction_change()', 'fold_interaction_changes(int)', 'recount_interactions()'
  ] loop
    execute format('alter function %s set search_path = %I, pg_temp', function, current_schema());
    execute format('revoke all on function %s from public', function);
  end loop;
end
$$;

create trigger ai_interactions_note_insert after insert on ai_interactions
  for each row execute function note_interaction_change();
create trigger ai_interactions_note_delete after delete on ai_interactions
  for each row execute function note_interaction_change();
create trigger ai_interactions_note_truncate after truncate on ai_interactions
  for each statement execute function note_interaction_change();
create trigger ai_interactions_note_update after update on ai_interactions
  for each row
  when (
    (old.created_at, old.model, old.provider_id, old.error is null, old.status_code,
     old.total_tokens, old.response_time_ms)
    is distinct from
    (new.created_at, new.model, new.provider_id, new.error is null, new.status_code,
     new.total_tokens, new.response_time_ms)
  )
  execute function note_interaction_change();

select recount_interactions();
select fold_interaction_changes(2147483647);
