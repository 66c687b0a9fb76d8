create type mood as enum ('fine', 'sad');
create domain code as text check (value <> '');

create table things (
  id bigint generated always as identity primary key,
  name text not null unique,
  code code unique,
  mood mood not null default 'fine'
);
