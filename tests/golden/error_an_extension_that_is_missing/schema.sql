create extension "uuid-ossp";
create collation german (provider = icu, locale = 'de');
create table people (id uuid primary key, name text);
