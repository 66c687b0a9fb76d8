create table "user-data" (id int primary key);
create table user_data (id int primary key, "Full Name" text, full_name text);
create type "user_data_" as enum ('a-b', 'a_b');
