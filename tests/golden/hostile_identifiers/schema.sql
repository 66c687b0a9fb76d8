create table "x""; import os; """ (
  id int primary key,
  "a'; drop table y; --" text,
  "日本" text,
  "two words" text,
  "class" text,
  "__init__" text,
  "self" text
);
comment on table "x""; import os; """ is E'"""\nimport os\n"""';
create type "e'" as enum ('"""', E'\n', '', '__class__', 'mro');
create table y (e "e'");
