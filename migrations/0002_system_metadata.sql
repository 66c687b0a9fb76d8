-- depends: 0001_foundation

create table system_metadata (
  id          uuid         not null default uuidv7(),
  -- Keys are for machines: bytewise order is the same on every system, and lets the unique index
  -- find a prefix.
  key         varchar(255) collate "C" not null,
  value       text         not null,
  description text,
  created_at  timestamptz  not null default now(),
  updated_at  timestamptz  not null default now(),

  constraint system_metadata_pkey primary key (id),
  constraint system_metadata_key_key unique (key),
  constraint system_metadata_key_not_empty check (key <> '')
);

create trigger system_metadata_touch_updated_at
  before update on system_metadata
  for each row execute function touch_updated_at();

comment on table system_metadata is 'A fact about the installation itself, found by its key.';
comment on column system_metadata.id is 'Sorts by time of creation (UUIDv7).';
comment on column system_metadata.key is
  'What the fact is about, unique; dots group keys that belong together (`schema.version`).';
comment on column system_metadata.value is 'The fact, as text.';
comment on column system_metadata.description is 'What the fact means, for people.';
comment on column system_metadata.created_at is 'When the key was first set.';
comment on column system_metadata.updated_at is
  'When the row last changed; the database keeps it, whoever makes the change.';
