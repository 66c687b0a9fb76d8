create type order_status as enum ('pending', 'paid', 'shipped', 'cancelled');

create table customers (
  id bigint generated always as identity primary key,
  email text not null unique,
  full_name text not null,
  phone text,
  created_at timestamptz not null default now()
);

create table categories (
  id int generated always as identity primary key,
  parent_id int references categories (id),
  name text not null,
  slug text not null unique
);

create table products (
  id bigint generated always as identity primary key,
  category_id int references categories (id) on delete set null,
  sku text not null unique,
  name text not null,
  description text,
  price numeric(10, 2) not null check (price >= 0),
  stock int not null default 0 check (stock >= 0),
  discontinued_at timestamptz
);

create table orders (
  id bigint generated always as identity primary key,
  customer_id bigint not null references customers (id),
  status order_status not null default 'pending',
  placed_at timestamptz not null default now(),
  shipped_at timestamptz,
  coupon_code text,
  note text
);

create table order_items (
  order_id bigint not null references orders (id) on delete cascade,
  product_id bigint not null references products (id),
  quantity int not null check (quantity > 0),
  unit_price numeric(10, 2) not null,
  primary key (order_id, product_id)
);

create table reviews (
  id bigint generated always as identity primary key,
  product_id bigint not null references products (id) on delete cascade,
  customer_id bigint references customers (id) on delete set null,
  rating smallint not null check (rating between 1 and 5),
  body text,
  created_at timestamptz not null default now()
);

create view order_totals as
select
  o.id as order_id,
  o.customer_id,
  o.status,
  o.placed_at,
  count(i.product_id) as items,
  coalesce(sum(i.quantity * i.unit_price), 0) as total
from orders o
left join order_items i on i.order_id = o.id
group by o.id;
