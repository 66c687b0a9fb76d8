create type shipment_status as enum ('created', 'in_transit', 'delivered', 'returned');

create table warehouses (
  code char(4) primary key,
  name text not null,
  city text not null,
  latitude double precision,
  longitude double precision,
  check ((latitude is null) = (longitude is null))
);

create table carriers (
  id smallint primary key,
  name text not null unique,
  tracking_url text
);

create table items (
  sku text primary key,
  description text not null,
  weight_grams int not null check (weight_grams > 0),
  hazard_class text
);

create table stock (
  warehouse_code char(4) references warehouses (code),
  sku text references items (sku),
  on_hand int not null default 0,
  reserved int not null default 0,
  reorder_point int,
  available int generated always as (on_hand - reserved) stored,
  primary key (warehouse_code, sku),
  check (on_hand >= reserved)
);

create table shipments (
  id uuid primary key default gen_random_uuid(),
  origin_code char(4) not null references warehouses (code),
  carrier_id smallint references carriers (id),
  status shipment_status not null default 'created',
  tracking_number text,
  recipient jsonb not null,
  created_at timestamptz not null default now(),
  dispatched_at timestamptz,
  delivered_at timestamptz
);

create table shipment_lines (
  shipment_id uuid not null references shipments (id) on delete cascade,
  sku text not null references items (sku),
  quantity int not null check (quantity > 0),
  primary key (shipment_id, sku)
);

create table scans (
  id bigint generated always as identity primary key,
  shipment_id uuid not null references shipments (id) on delete cascade,
  scanned_at timestamptz not null,
  location text not null,
  note text
);

create view shipment_weights as
select l.shipment_id, sum(l.quantity * i.weight_grams) as grams, bool_or(i.hazard_class is not null) as hazardous
from shipment_lines l
join items i using (sku)
group by l.shipment_id;
