create table "x""; import os; """ (
  id int primary key,
  "a'; drop table y; --" text,
  "日本" text,
  "two
lines" text,
  "" " text
);
