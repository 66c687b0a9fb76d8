create type mood as enum ('happy', 'so-so', 'not happy', 'class', '42');
comment on type mood is 'How somebody feels.';
create table people (id int primary key, mood mood not null, moods mood[], was mood);
