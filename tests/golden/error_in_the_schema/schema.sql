create table customers (
  id uuid primary key,
  name txet not null
);

create table orders (id uuid primary key, customer_id uuid references customers);

creat table broken (id int);
