create type mood as enum ('good', 'bad');
create table makers (id int primary key, name text not null unique);
create table parts (
  id int primary key,
  maker_id int references makers,
  mood mood,
  size int,
  weight numeric,
  made timestamptz not null
);
create index on parts (made, id);
create index on parts (size desc nulls last, id);
create index on parts (mood nulls first, weight, id desc);
