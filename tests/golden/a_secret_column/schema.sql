create table providers (
  id int primary key,
  name text not null,
  api_key text not null,
  old_key text
);
