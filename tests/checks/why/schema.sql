create type mood as enum ('fine', 'sad');
create table providers (
  id int primary key,
  name text not null unique,
  url text,
  mood mood not null default 'fine'
);
create table messages (
  id int primary key,
  provider_id int references providers,
  model text not null,
  tokens int,
  body jsonb not null default '{}',
  labels text[] not null default '{}'
);
create table plain (a int, b text);
create view named as
  select m.id, p.name from messages m left join providers p on p.id = m.provider_id;
create function shout(text) returns text language sql as $$ select upper($1) $$;
create function log_it() returns int language plpgsql as $$ begin return 1; end $$;
create function stamp() returns trigger language plpgsql as $$ begin return new; end $$;
create table stamped (id int primary key, note text);
create trigger stamp before update on stamped for each row execute function stamp();
