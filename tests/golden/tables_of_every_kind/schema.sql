create schema billing;
create extension citext;
create type mood as enum ('calm', 'wild');
create type pair as (a int, b text);
create domain email as text check (value like '%@%');
create domain moods as mood;
create table things (
    id int primary key,
    class text,
    email email,
    word citext,
    mood mood,
    domain_mood moods,
    pair pair,
    numbers int[],
    body jsonb,
    plain json,
    is_on boolean not null,
    price numeric(8, 2),
    code char(3),
    span int4range,
    net inet,
    spell interval,
    data bytea,
    at timestamptz,
    twice int generated always as (id * 2) stored
);
create view wild_things as select id, mood from things where mood = 'wild';
create table billing.accounts (id int primary key, thing_id int not null references things);
create table secrets (id int primary key);
alter table secrets enable row level security;
create policy mine on secrets using (set_config('app.seen', 'yes', true) is not null);
create table unreadable (id int primary key, words tsvector[]);
