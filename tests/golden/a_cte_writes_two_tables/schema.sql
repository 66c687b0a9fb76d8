create table jobs (id bigint primary key, payload jsonb not null);
create table jobs_done (id bigint primary key, payload jsonb not null, took int);
