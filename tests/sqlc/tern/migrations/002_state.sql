create type state as enum ('open', 'closed');
alter table tickets add column state state not null default 'open';
---- create above / drop below ----
alter table tickets drop column state;
drop type state;
