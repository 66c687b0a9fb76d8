-- name: contact :one
select
  c.id,
  concat_ws(' ', c.first_name, c.last_name) as name,
  c.email,
  c.phones,
  c.custom,
  c.custom ->> 'linkedin' as linkedin,
  co.name as company,
  co.domain
from contacts c
left join companies co on co.id = c.company_id
where c.id = :id and c.deleted_at is null;

-- name: search_contacts :many
select id, first_name, last_name, email, last_name || coalesce(', ' || first_name, '') as sort_name
from contacts
where deleted_at is null
  and (last_name ilike :term || '%' or first_name ilike :term || '%' or email ilike :term || '%')
order by last_name, first_name
limit :limit;

-- name: pipeline :many
select stage, deals, amount, amount_or_zero from pipeline order by stage;

-- name: deal_board :many
select
  d.id,
  d.title,
  d.stage,
  d.amount,
  co.name as company,
  u.name as owner,
  latest.happened_at as last_activity_at,
  latest.summary as last_activity,
  greatest(d.created_at, latest.happened_at) as touched_at
from deals d
join companies co on co.id = d.company_id
join users u on u.id = d.owner_id
left join lateral (
  select a.happened_at, a.summary
  from activities a
  where a.deal_id = d.id
  order by a.happened_at desc
  limit 1
) latest on true
where d.owner_id = :owner_id
order by touched_at desc;

-- name: win_rate :many
select
  u.id,
  u.name,
  count(*) as decided,
  count(*) filter (where d.stage = 'won') as won,
  round(100.0 * count(*) filter (where d.stage = 'won') / count(*), 1) as win_percent,
  avg(d.closed_at - d.created_at) as average_cycle
from deals d
join users u on u.id = d.owner_id
where d.stage in ('won', 'lost')
group by u.id, u.name;

-- name: team :many
with recursive reports as (
  select id, name, manager_id, 0 as level from users where id = :manager_id
  union
  select u.id, u.name, u.manager_id, r.level + 1 from users u join reports r on u.manager_id = r.id
)
select r.id, r.name, m.name as manager, r.level
from reports r
left join users m on m.id = r.manager_id
order by r.level, r.name;

-- name: close_deal :one
update deals
set stage = :stage, closed_at = now()
where id = :id
returning id, title, stage, amount, closed_at;

-- name: log_activity :one
insert into activities (deal_id, user_id, kind, summary, happened_at, minutes)
values (:deal_id, :user_id, :kind, :summary, coalesce(:happened_at?, now()), :minutes)
returning id, happened_at, minutes;

-- name: timeline :many
select 'activity' as source, happened_at as at, summary as text
from activities
where deal_id = :deal_id
union all
select 'created', created_at, title
from deals
where id = :deal_id
union all
select 'closed', closed_at, stage::text
from deals
where id = :deal_id and closed_at is not null
order by at desc;

-- name: stale_companies :many
select c.id, c.name, c.owner_id, u.email as owner_email
from companies c
join users u on u.id = c.owner_id
where not exists (
  select 1
  from deals d
  join activities a on a.deal_id = d.id
  where d.company_id = c.id and a.happened_at > now() - interval '90 days'
)
order by c.name;
