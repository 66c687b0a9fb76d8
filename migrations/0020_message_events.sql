-- depends: 0006_ai_interactions

-- An outbox: whoever writes interactions, by whatever statement, leaves a row for each in the same
-- transaction. Readers go by the transaction's number and take only what is older than every
-- transaction that still writes, so that none that commits late is passed over.

create type message_event_kind as enum ('created', 'updated');

create table message_events (
  xid        xid8               not null default pg_current_xact_id(),
  id         bigint             not null generated always as identity,
  kind       message_event_kind not null,
  message_id uuid               not null,
  created_at timestamptz        not null default clock_timestamp(),

  constraint message_events_pkey primary key (xid, id)
)
-- Old events are taken away all the time; a reader at the beginning shouldn't wade through them.
with (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0);

comment on type message_event_kind is 'What happened to a message.';
comment on table message_events is 'What happened to messages lately, for those who follow them.';
comment on column message_events.xid is 'The transaction that did it.';
comment on column message_events.id is 'The order within a transaction.';
comment on column message_events.kind is 'Whether the message is new or was changed.';
comment on column message_events.message_id is 'The message, which may be gone by now.';
comment on column message_events.created_at is 'When it was written, by the clock.';

-- When somebody was last woken, in milliseconds. A sequence, since it is outside of transactions: a
-- writer sees what one has done that hasn't committed, and neither waits.
create sequence message_events_woken minvalue 0 start 0;

create function note_message_events() returns trigger
language plpgsql
security definer
as $$
declare
  moment bigint := extract(epoch from clock_timestamp()) * 1000;
begin
  insert into message_events (kind, message_id)
  select tg_argv[0]::message_event_kind, id from changed;
  -- Commits that notify stand in one queue, so that one does for all within a moment. Who follows
  -- looks again shortly after, for those that came behind it.
  if found and abs(moment - (select last_value from message_events_woken)) >= 50 then
    perform setval('message_events_woken', moment);
    perform pg_notify('salacia_message_events', '');
  end if;
  return null;
end
$$;

comment on function note_message_events() is
  'Leaves an event for each message that a statement wrote, and wakes who follows them.
salacia: only writes';
comment on sequence message_events_woken is
  'When those who follow messages were last woken, in milliseconds since 1970.';

-- Where it finds its tables doesn't depend on who calls it, and who writes messages needs no right to
-- the events.
do $$
begin
  execute format(
    'alter function note_message_events() set search_path = %I, pg_temp', current_schema()
  );
  revoke all on function note_message_events() from public;
end
$$;

create trigger ai_interactions_event_created
  after insert on ai_interactions
  referencing new table as changed
  for each statement execute function note_message_events('created');

-- Not what a deleted provider does to its messages: it may have millions.
create trigger ai_interactions_event_updated
  after update on ai_interactions
  referencing new table as changed
  for each statement when (pg_trigger_depth() = 0)
  execute function note_message_events('updated');
