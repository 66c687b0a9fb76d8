create table settings (
  key text primary key,
  value text not null,
  changed_at timestamptz not null default now()
);
comment on table settings is 'What an operator may change at run time.';
