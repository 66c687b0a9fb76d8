-- name: balance :one
select balance, currency from balances where account_id = :account_id;

-- name: available :one
select
  b.balance,
  coalesce(h.held, 0) as held,
  b.balance - coalesce(h.held, 0) as available
from balances b
left join (
  select account_id, sum(amount) as held
  from holds
  where released_at is null and (expires_at is null or expires_at > now())
  group by account_id
) h on h.account_id = b.account_id
where b.account_id = :account_id;

-- name: statement :many
select
  j.id,
  j.booked_at,
  j.value_date,
  j.description,
  p.amount,
  p.memo,
  sum(p.amount) over (order by j.booked_at, j.id, p.line) as running_balance
from postings p
join journal j on j.id = p.journal_id
where p.account_id = :account_id
  and j.value_date between :first and :last
order by j.booked_at, j.id, p.line;

-- name: trial_balance :many
select
  a.kind,
  a.code,
  a.name,
  sum(case when p.amount > 0 then p.amount else 0 end) as debit,
  sum(case when p.amount < 0 then -p.amount else 0 end) as credit
from accounts a
join postings p on p.account_id = a.id
join journal j on j.id = p.journal_id
where j.value_date <= :on
group by a.id
order by a.code;

-- name: totals_by_kind :many
select a.kind, a.currency, sum(b.balance) as total, count(*) as accounts
from accounts a
join balances b on b.account_id = a.id
group by grouping sets ((a.kind, a.currency), (a.currency))
order by 1, 2;

-- name: book :one
insert into journal (value_date, description, external_reference)
values (:value_date, :description, :external_reference)
on conflict (external_reference) do nothing
returning id, booked_at, external_reference;

-- name: unbalanced :many
select j.id, j.description, sum(p.amount) as difference, array_agg(p.account_id order by p.line) as accounts
from journal j
join postings p on p.journal_id = j.id
group by j.id
having sum(p.amount) <> 0;

-- name: reversals :many
select j.id, j.description, r.id as reversed_by, r.booked_at as reversed_at
from journal j
left join journal r on r.reverses_id = j.id
where j.booked_at >= :since
order by j.id;

-- name: convert :one
select :amount::numeric * rate as converted, rate, day
from rates
where base = :base and quote = :quote and day <= :day
order by day desc
limit 1;

-- name: release_hold :one
update holds
set released_at = clock_timestamp()
where id = :id and released_at is null
returning id, account_id, amount, released_at, expires_at;
