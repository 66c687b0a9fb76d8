-- name: queue :many
select
  id,
  subject,
  priority,
  requester_email,
  assignee_name,
  due_at,
  due_at < now() as overdue,
  now() - opened_at as age
from open_tickets
where assignee_id = :agent_id or assignee_id is null
order by priority desc, opened_at;

-- name: ticket :one
select
  t.id,
  t.subject,
  t.state,
  t.priority,
  t.tags,
  coalesce(r.name, r.email) as requester,
  a.name as assignee,
  s.score,
  s.remark
from tickets t
join requesters r on r.id = t.requester_id
left join agents a on a.id = t.assignee_id
left join ratings s on s.ticket_id = t.id
where t.id = :id;

-- name: conversation :many
select
  m.id,
  m.body,
  m.sent_at,
  case when m.agent_id is null then 'requester' else 'agent' end as side,
  a.name as agent
from messages m
left join agents a on a.id = m.agent_id
where m.ticket_id = :ticket_id and not m.internal
order by m.sent_at;

-- name: open_ticket :one
with requester as (
  insert into requesters (email, name) values (:email, :name?)
  on conflict (email) do update set name = coalesce(excluded.name, requesters.name)
  returning id
)
insert into tickets (requester_id, subject, priority)
select requester.id, :subject, :priority from requester
returning id, requester_id, opened_at, assignee_id;

-- name: workload :many
select
  a.id,
  a.name,
  a.team,
  count(t.id) as open,
  count(*) filter (where t.priority = 'urgent') as urgent,
  min(t.opened_at) as oldest
from agents a
left join tickets t on t.assignee_id = a.id and t.state in ('open', 'waiting')
where a.active
group by a.id
order by open;

-- name: first_reply_times :many
select
  date_trunc('week', opened_at) as week,
  count(*) as tickets,
  percentile_cont(0.5) within group (order by extract(epoch from first_reply_at - opened_at)) as median_seconds,
  avg(first_reply_at - opened_at) as average
from tickets
where first_reply_at is not null
group by 1
order by 1;

-- name: satisfaction :one
select
  count(*) as ratings,
  round(avg(score), 2) as average,
  coalesce(round(100.0 * count(*) filter (where score >= 4) / nullif(count(*), 0), 1), 0) as satisfied_percent
from ratings;

-- name: solve :one
update tickets
set state = 'solved', solved_at = now()
where id = :id
returning id, state, solved_at, solved_at - opened_at as took;

-- name: by_tag :many
select tag, count(*) as tickets, max(opened_at) as latest
from tickets
cross join unnest(tags) as tag
where opened_at > :since
group by tag
order by tickets desc;

-- name: assign_next :one
update tickets
set assignee_id = :agent_id
where id = (
  select id from tickets
  where assignee_id is null and state = 'open'
  order by priority desc, opened_at
  limit 1
  for update skip locked
)
returning id, subject, priority, assignee_id;
