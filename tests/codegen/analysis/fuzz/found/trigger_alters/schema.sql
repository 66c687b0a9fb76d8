create type mood as enum ('fine', 'sad');

create domain positive as int4 check (value > 0);

create table t1 (id int4 primary key, ref int4, c0 mood not null, c1 positive);

create function null_t1() returns trigger language plpgsql as $$begin new.c1 := null; return new; end$$;

create trigger nulls before update on t1 for each row execute function null_t1();

