create type stage as enum ('lead', 'qualified', 'proposal', 'won', 'lost');
create type activity_kind as enum ('call', 'email', 'meeting', 'task');

create table users (
  id uuid primary key,
  name text not null,
  email text not null unique,
  manager_id uuid references users (id)
);

create table companies (
  id uuid primary key,
  name text not null,
  domain text unique,
  employees int check (employees > 0),
  owner_id uuid references users (id)
);

create table contacts (
  id uuid primary key,
  company_id uuid references companies (id),
  first_name text,
  last_name text not null,
  email text,
  phones text[],
  custom jsonb not null default '{}'::jsonb,
  created_at timestamptz not null default now(),
  deleted_at timestamptz
);

create table deals (
  id uuid primary key,
  company_id uuid not null references companies (id),
  contact_id uuid references contacts (id),
  owner_id uuid not null references users (id),
  title text not null,
  stage stage not null default 'lead',
  amount numeric(12, 2),
  closes_on date,
  closed_at timestamptz,
  created_at timestamptz not null default now(),
  constraint closed_when_decided check ((stage in ('won', 'lost')) = (closed_at is not null))
);

create table activities (
  id bigint generated always as identity primary key,
  deal_id uuid not null references deals (id) on delete cascade,
  user_id uuid not null references users (id),
  kind activity_kind not null,
  summary text not null,
  happened_at timestamptz not null,
  minutes int
);

create view pipeline as
select stage, count(*) as deals, sum(amount) as amount, coalesce(sum(amount), 0) as amount_or_zero
from deals
where stage not in ('won', 'lost')
group by stage;
