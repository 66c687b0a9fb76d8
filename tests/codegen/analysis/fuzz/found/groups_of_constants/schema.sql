create table a (x int4);

