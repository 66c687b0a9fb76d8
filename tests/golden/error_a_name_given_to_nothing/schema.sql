create table orders (id uuid primary key, amount numeric not null, state text);
