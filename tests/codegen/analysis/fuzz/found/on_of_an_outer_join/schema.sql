create table t1 (id int4 primary key, ref int4 not null, c0 int4[], c1 date not null, c2 int4[] not null);

create table t2 (id int4 primary key, ref int4 not null, c0 int4, c1 jsonb not null, made int4 generated always as (ref + 1) stored);

create table t3 (id int4 primary key, ref int4, c0 interval not null, c1 int4[], unique (ref, c1));

