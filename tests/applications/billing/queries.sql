-- name: current_subscription :many
select
  s.id,
  s.status,
  s.seats,
  s.trial_ends_at,
  s.current_period_end,
  p.name as plan,
  p.price,
  p."interval",
  p.price * greatest(s.seats - p.included_seats, 0) as extra
from subscriptions s
join plans p on p.code = s.plan_code
where s.organisation_id = :organisation_id and s.status <> 'cancelled';

-- name: invoice :one
select number, issued_on, due_on, net, gross, paid_at, paid_at is null and due_on < current_date as overdue
from invoice_totals
where id = :id;

-- name: invoice_lines :many
select position, description, quantity, unit_price, quantity * unit_price as total
from invoice_lines
where invoice_id = :invoice_id
order by position;

-- name: usage_this_period :many
select u.metric, sum(u.amount) as used, count(*) as events, max(u.occurred_at) as last_at
from usage_events u
join subscriptions s on s.id = u.subscription_id
where s.id = :subscription_id
  and u.occurred_at >= s.current_period_start
  and u.occurred_at < s.current_period_end
group by u.metric
order by u.metric;

-- name: monthly_recurring_revenue :one
select
  coalesce(sum(case p."interval" when 'month' then p.price when 'year' then p.price / 12 end), 0) as mrr,
  count(distinct s.organisation_id) as customers,
  avg(s.seats) as average_seats
from subscriptions s
join plans p on p.code = s.plan_code
where s.status in ('active', 'past_due');

-- name: revenue_by_month :many
with months as (
  select date_trunc('month', issued_on)::date as month, sum(gross) as revenue, count(*) as invoices
  from invoice_totals
  group by 1
)
select
  month,
  revenue,
  invoices,
  lag(revenue) over (order by month) as previous,
  round(100 * (revenue - lag(revenue) over (order by month)) / nullif(lag(revenue) over (order by month), 0), 1)
    as growth_percent,
  sum(revenue) over (order by month) as cumulative
from months
order by month;

-- name: dunning :many
select o.id, o.name, o.billing_email, i.number, i.gross, current_date - i.due_on as days_late
from invoice_totals i
join organisations o on o.id = i.organisation_id
where i.paid_at is null and i.due_on < current_date
order by days_late desc;

-- name: record_usage :one
insert into usage_events (subscription_id, metric, amount, idempotency_key)
values (:subscription_id, :metric, :amount, :idempotency_key)
on conflict (idempotency_key) do update set amount = excluded.amount
returning id, metric, amount, occurred_at, idempotency_key;

-- name: change_plan :one
update subscriptions s
set plan_code = p.code, seats = greatest(s.seats, p.included_seats)
from plans p
where s.id = :id and p.code = :plan_code and p.retired_at is null
returning s.id, s.seats, s.plan_code, p.name as plan, p.price, s.cancelled_at;

-- name: churn :many
select
  coalesce(a.month, b.month) as month,
  coalesce(a.started, 0) as started,
  coalesce(b.ended, 0) as ended,
  coalesce(a.started, 0) - coalesce(b.ended, 0) as net
from (
  select date_trunc('month', current_period_start) as month, count(*) as started from subscriptions group by 1
) a
full join (
  select date_trunc('month', cancelled_at) as month, count(*) as ended
  from subscriptions
  where cancelled_at is not null
  group by 1
) b on b.month = a.month
order by 1;
