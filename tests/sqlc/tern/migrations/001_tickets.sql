create table tickets (id int primary key generated always as identity, subject text not null);

---- create above / drop below ----

drop table tickets;
