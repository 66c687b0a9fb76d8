-- name: product_by_sku :one
select p.id, p.sku, p.name, p.price, p.description, c.name as category
from products p
left join categories c on c.id = p.category_id
where p.sku = :sku;

-- name: search_products :many
select
  p.id,
  p.name,
  p.price,
  p.stock > 0 as in_stock,
  r.average,
  r.reviews,
  count(*) over () as matches
from products p
left join lateral (
  select round(avg(rating), 1) as average, count(*) as reviews
  from reviews
  where reviews.product_id = p.id
) r on true
where p.discontinued_at is null
  and p.name ilike '%' || :term || '%'
order by p.name
limit :limit offset :offset;

-- name: order_detail :one
select o.id, o.status, o.placed_at, o.shipped_at, o.note, c.full_name, c.email, c.phone
from orders o
join customers c on c.id = o.customer_id
where o.id = :id;

-- name: order_lines :many
select p.sku, p.name, i.quantity, i.unit_price, i.quantity * i.unit_price as line_total
from order_items i
join products p on p.id = i.product_id
where i.order_id = :order_id
order by p.name;

-- name: customer_orders :many
select order_id, status, placed_at, items, total
from order_totals
where customer_id = :customer_id
order by placed_at desc;

-- name: category_path :many
with recursive path as (
  select id, parent_id, name, slug, 0 as depth
  from categories
  where slug = :slug
  union all
  select c.id, c.parent_id, c.name, c.slug, path.depth + 1
  from categories c
  join path on path.parent_id = c.id
)
select id, name, slug, parent_id, depth from path order by depth desc;

-- name: best_sellers :many
select
  p.id,
  p.name,
  sum(i.quantity) as sold,
  sum(i.quantity * i.unit_price) as revenue,
  max(o.placed_at) as last_sold_at,
  rank() over (order by sum(i.quantity) desc) as place
from products p
join order_items i on i.product_id = p.id
join orders o on o.id = i.order_id
where o.status <> 'cancelled'
  and o.placed_at >= :since
group by p.id
order by sold desc
limit 20;

-- name: revenue_by_day :many
select
  day::date as day,
  coalesce(sum(t.total), 0) as revenue,
  count(t.order_id) as orders,
  max(t.total) as largest
from generate_series(:first::date, :last::date, interval '1 day') as day
left join order_totals t on t.placed_at >= day and t.placed_at < day + interval '1 day'
group by day
order by day;

-- name: add_to_order :one
insert into order_items (order_id, product_id, quantity, unit_price)
select :order_id, p.id, :quantity, p.price
from products p
where p.id = :product_id
on conflict (order_id, product_id) do update
set quantity = order_items.quantity + excluded.quantity
returning product_id, quantity, unit_price;

-- name: ship_order :one
update orders
set status = 'shipped', shipped_at = now()
where id = :id and status = 'paid'
returning id, customer_id, status, shipped_at, coupon_code;
