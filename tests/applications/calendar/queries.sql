-- name: agenda :many
select
  e.id,
  e.title,
  lower(e.during) as starts_at,
  upper(e.during) as ends_at,
  r.name as room,
  o.name as organiser,
  a.attendance
from events e
join people o on o.id = e.organiser_id
left join rooms r on r.id = e.room_id
left join attendees a on a.event_id = e.id and a.person_id = :person_id
where e.during && tstzrange(:from, :until)
  and not e.cancelled
  and (e.organiser_id = :person_id or a.person_id is not null)
order by lower(e.during);

-- name: event :one
select e.id, e.title, e.description, e.during, e.cancelled, e.series_id, p.name as organiser, p.email
from events e
join people p on p.id = e.organiser_id
where e.id = :id;

-- name: attendee_list :many
select p.id, p.name, p.email, a.attendance, a.responded_at, a.comment
from attendees a
join people p on p.id = a.person_id
where a.event_id = :event_id
order by a.attendance, p.name;

-- name: free_rooms :many
select r.id, r.name, r.seats, r.equipment, r.floor
from rooms r
where r.seats >= :seats
  and r.equipment @> :equipment
  and not exists (
    select 1
    from events e
    where e.room_id = r.id and e.during && tstzrange(:from, :until) and not e.cancelled
  )
order by r.seats;

-- name: conflicts :many
select one.title as title, other.title as other_title, one.during * other.during as overlap
from busy one
join busy other on other.person_id = one.person_id and other.during && one.during and other.title > one.title
where one.person_id = :person_id;

-- name: schedule :one
insert into events (organiser_id, room_id, title, description, during)
values (:organiser_id, :room_id, :title, :description, tstzrange(:starts_at, :ends_at))
returning id, title, during, room_id;

-- name: respond :one
insert into attendees (event_id, person_id, attendance, responded_at, comment)
values (:event_id, :person_id, :attendance, now(), :comment)
on conflict (event_id, person_id) do update
set attendance = excluded.attendance, responded_at = excluded.responded_at, comment = excluded.comment
returning attendance, responded_at, comment;

-- name: responses :one
select
  count(*) as invited,
  count(*) filter (where attendance = 'accepted') as accepted,
  count(responded_at) as responded,
  coalesce(string_agg(comment, E'\n'), '') as comments
from attendees
where event_id = :event_id;

-- name: month :many
select
  day::date as day,
  count(b.title) as events,
  coalesce(array_agg(b.title) filter (where b.title is not null), '{}') as titles,
  extract(isodow from day)::int as weekday
from generate_series(:first::timestamp, :last::timestamp, interval '1 day') as g (day)
left join busy b on b.person_id = :person_id and b.during && tstzrange(day, day + interval '1 day')
group by day
order by day;

-- name: working_week :many
select
  w.weekday,
  w.starts,
  w.ends,
  w.ends - w.starts as hours,
  to_char(w.starts, 'HH24:MI') || ' to ' || to_char(w.ends, 'HH24:MI') as label,
  p.time_zone
from working_hours w
join people p on p.id = w.person_id
where w.person_id = :person_id
order by w.weekday, w.starts;
