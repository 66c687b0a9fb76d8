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

create view big_orders as
select o.id, o.amount, o.note, c.name as customer
from orders o
left join customers c on c.id = o.customer_id
where o.amount > 1000;
comment on view big_orders is 'Orders that somebody should look at.';
