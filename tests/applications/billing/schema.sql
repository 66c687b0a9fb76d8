create type subscription_status as enum ('trialing', 'active', 'past_due', 'cancelled');
create type billing_interval as enum ('month', 'year');
create domain cents as bigint check (value >= 0);

create table organisations (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  billing_email text not null,
  vat_number text,
  country char(2) not null,
  created_at timestamptz not null default now()
);

create table plans (
  code text primary key,
  name text not null,
  price cents not null,
  "interval" billing_interval not null default 'month',
  included_seats int not null default 1,
  retired_at timestamptz
);

create table subscriptions (
  id uuid primary key default gen_random_uuid(),
  organisation_id uuid not null references organisations (id),
  plan_code text not null references plans (code),
  status subscription_status not null default 'trialing',
  seats int not null default 1 check (seats > 0),
  trial_ends_at timestamptz,
  current_period_start timestamptz not null default now(),
  current_period_end timestamptz not null,
  cancelled_at timestamptz
);

create unique index one_live_subscription on subscriptions (organisation_id) where status <> 'cancelled';

create table invoices (
  id uuid primary key default gen_random_uuid(),
  organisation_id uuid not null references organisations (id),
  subscription_id uuid references subscriptions (id),
  number text not null unique,
  issued_on date not null default current_date,
  due_on date not null,
  paid_at timestamptz,
  tax_rate numeric(5, 4) not null default 0
);

create table invoice_lines (
  invoice_id uuid not null references invoices (id) on delete cascade,
  position int not null,
  description text not null,
  quantity numeric not null default 1,
  unit_price cents not null,
  primary key (invoice_id, position)
);

create table usage_events (
  id bigint generated always as identity primary key,
  subscription_id uuid not null references subscriptions (id),
  metric text not null,
  amount numeric not null check (amount >= 0),
  occurred_at timestamptz not null default now(),
  idempotency_key text unique
);

create view invoice_totals as
select
  i.id,
  i.organisation_id,
  i.number,
  i.issued_on,
  i.due_on,
  i.paid_at,
  coalesce(t.net, 0) as net,
  round(coalesce(t.net, 0) * (1 + i.tax_rate)) as gross
from invoices i
left join (
  select invoice_id, sum(quantity * unit_price) as net from invoice_lines group by invoice_id
) t on t.invoice_id = i.id;
