create type mood as enum ('fine', 'sad');
create table people (id int primary key, mood mood not null);
