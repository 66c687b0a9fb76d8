create type pair as range (subtype = text);
create table things (id int primary key, spot pg_lsn, numbers int4multirange, words pg_ndistinct);
