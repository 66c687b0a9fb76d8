create schema billing;
create table accounts (id uuid primary key, name text not null);
create type billing.state as enum ('open', 'paid');
create table billing.accounts (id uuid primary key, state billing.state not null);
