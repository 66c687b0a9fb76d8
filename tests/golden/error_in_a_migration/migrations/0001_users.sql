create table users (id int primary key);

create table groups (
  id int primary key,
  owner int refrences users
);
