create table people (id int primary key, email text unique);
create table pets (
    id int primary key,
    owner_id int constraint by_id references people,
    owner text constraint by_email references people (email)
);
