-- What looking at the gateway's health found, look by look.

-- name: ping :one!
-- The least that the database can be asked.
-- timeout: 5s
select 1

-- name: get :one
-- One check.
select *
from health_checks
where id = :id

-- name: create :one!
-- Records a check that was made just now.
-- default: id uuid7()
-- default: details None
insert into health_checks (id, status, database_status, response_time_ms, details)
values (:id, :status, :database_status, :response_time_ms, :details)
returning *

-- name: create_many :bulk
-- Records many checks at once, with the times at which they were made.
-- default: id uuid7()
-- default: details None
insert into health_checks (id, status, database_status, response_time_ms, details, created_at)
values (:id, :status, :database_status, :response_time_ms, :details, :created_at)

-- name: load :copy
-- Records a great many checks through COPY: all of them or none.
-- default: id uuid7()
-- default: details None
insert into health_checks (id, status, database_status, response_time_ms, details, created_at)
values (:id, :status, :database_status, :response_time_ms, :details, :created_at)

-- name: annotate :one
-- Adds what was found out about a check later, in place of its details.
update health_checks
set details = :details
where id = :id
returning *

-- name: delete :one
-- Forgets a check, and returns what it was.
delete from health_checks
where id = :id
returning *

-- name: latest :one
-- The newest check.
select *
from health_checks
order by created_at desc, id desc
limit 1

-- name: recent_unhealthy :many
-- The last checks that found the gateway down, newest first.
-- default: limit 20
select *
from health_checks
where status = 'unhealthy'
order by created_at desc, id desc
limit :limit

-- name: uptime :one!
-- How often the gateway was found up in a period: its start belongs to it, its end does not; without
-- one it goes on until now.
-- A degraded gateway is up. The share is in percent, and null where nobody looked.
-- returns: Uptime
select
  count(*)                                          as total,
  count(*) filter (where status = 'healthy')        as healthy,
  count(*) filter (where status = 'degraded')       as degraded,
  count(*) filter (where status = 'unhealthy')      as unhealthy,
  100 * count(*) filter (where status <> 'unhealthy')
    / nullif(count(*), 0)::float8                   as uptime
from health_checks
where created_at >= :since
  and created_at < :until -- if :until
