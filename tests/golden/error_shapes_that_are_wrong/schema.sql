create table customers (
  id uuid primary key,
  name text not null,
  nickname text
);

create table orders (
  id uuid primary key,
  customer_id uuid references customers,
  amount numeric(10, 2) not null,
  note text,
  placed_at timestamptz not null default now()
);
