create type account_kind as enum ('asset', 'liability', 'equity', 'income', 'expense');

create table parties (
  id bigint primary key,
  legal_name text not null,
  tax_number text,
  born_on date
);

create table accounts (
  id bigint generated always as identity primary key,
  owner_id bigint references parties (id),
  code text not null unique,
  name text not null,
  kind account_kind not null,
  currency char(3) not null,
  opened_on date not null default current_date,
  closed_on date,
  check (closed_on >= opened_on)
);

create table journal (
  id bigint generated always as identity primary key,
  booked_at timestamptz not null default now(),
  value_date date not null,
  description text not null,
  reverses_id bigint unique references journal (id),
  external_reference text unique
);

create table postings (
  journal_id bigint not null references journal (id),
  line smallint not null,
  account_id bigint not null references accounts (id),
  amount numeric(18, 2) not null check (amount <> 0),
  memo text,
  primary key (journal_id, line)
);

create table rates (
  base char(3) not null,
  quote char(3) not null,
  day date not null,
  rate numeric not null check (rate > 0),
  primary key (base, quote, day)
);

create table holds (
  id uuid primary key default gen_random_uuid(),
  account_id bigint not null references accounts (id),
  amount numeric(18, 2) not null check (amount > 0),
  reason text not null,
  expires_at timestamptz,
  released_at timestamptz
);

create view balances as
select a.id as account_id, a.code, a.currency, coalesce(sum(p.amount), 0)::numeric(18, 2) as balance
from accounts a
left join postings p on p.account_id = a.id
group by a.id, a.code, a.currency;
