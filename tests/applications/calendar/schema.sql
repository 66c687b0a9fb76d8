create extension if not exists btree_gist;
create type attendance as enum ('invited', 'accepted', 'declined', 'tentative');

create table people (
  id int generated always as identity primary key,
  email text not null unique,
  name text not null,
  time_zone text not null default 'UTC'
);

create table rooms (
  id int generated always as identity primary key,
  name text not null unique,
  seats int not null check (seats > 0),
  equipment text[] not null default array[]::text[],
  floor int
);

create table events (
  id int generated always as identity primary key,
  organiser_id int not null references people (id),
  room_id int references rooms (id),
  series_id int references events (id) on delete cascade,
  title text not null,
  description text,
  during tstzrange not null check (not isempty(during)),
  cancelled boolean not null default false,
  exclude using gist (room_id with =, during with &&) where (not cancelled)
);

create table attendees (
  event_id int references events (id) on delete cascade,
  person_id int references people (id) on delete cascade,
  attendance attendance not null default 'invited',
  responded_at timestamptz,
  comment text,
  primary key (event_id, person_id)
);

create table working_hours (
  person_id int not null references people (id),
  weekday int not null check (weekday between 1 and 7),
  starts time not null,
  ends time not null check (ends > starts),
  primary key (person_id, weekday, starts)
);

create view busy as
select a.person_id, e.during, e.title
from attendees a
join events e on e.id = a.event_id
where a.attendance <> 'declined' and not e.cancelled
union all
select e.organiser_id, e.during, e.title
from events e
where not e.cancelled;
