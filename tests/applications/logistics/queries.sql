-- name: track :many
select s.scanned_at, s.location, s.note
from scans s
join shipments sh on sh.id = s.shipment_id
where sh.tracking_number = :tracking_number
order by s.scanned_at desc;

-- name: shipment :one
select
  s.id,
  s.status,
  s.tracking_number,
  c.name as carrier,
  replace(c.tracking_url, '{number}', s.tracking_number) as tracking_link,
  w.name as origin,
  wt.grams,
  coalesce(wt.hazardous, false) as hazardous,
  s.recipient ->> 'city' as city
from shipments s
join warehouses w on w.code = s.origin_code
left join carriers c on c.id = s.carrier_id
left join shipment_weights wt on wt.shipment_id = s.id
where s.id = :id;

-- name: last_scan :many
select distinct on (s.shipment_id) s.shipment_id, s.scanned_at, s.location, sh.status
from scans s
join shipments sh on sh.id = s.shipment_id
where sh.status = 'in_transit'
order by s.shipment_id, s.scanned_at desc;

-- name: low_stock :many
select st.warehouse_code, st.sku, i.description, st.on_hand, st.reorder_point, st.reorder_point - st.on_hand as missing
from stock st
join items i on i.sku = st.sku
where st.on_hand < st.reorder_point
order by missing desc;

-- name: stock_everywhere :many
select
  i.sku,
  i.description,
  coalesce(sum(s.on_hand), 0) as on_hand,
  sum(s.reserved) as reserved,
  array_remove(array_agg(s.warehouse_code order by s.warehouse_code), null) as warehouses
from items i
left join stock s on s.sku = i.sku
group by i.sku
order by i.sku;

-- name: availability :many
select sku, warehouse_code, available, greatest(on_hand - reserved, 0) as free
from stock
where sku = any(:skus::text[])
order by sku, warehouse_code;

-- name: reserve :one
update stock
set reserved = reserved + :quantity
where warehouse_code = :warehouse_code and sku = :sku and on_hand - reserved >= :quantity
returning on_hand, reserved, available;

-- name: dispatch :one
with sent as (
  update shipments
  set status = 'in_transit', dispatched_at = now(), carrier_id = :carrier_id, tracking_number = :tracking_number
  where id = :id and status = 'created'
  returning id, origin_code, dispatched_at
), scanned as (
  insert into scans (shipment_id, scanned_at, location)
  select sent.id, sent.dispatched_at, w.city
  from sent
  join warehouses w on w.code = sent.origin_code
  returning id, shipment_id, location
)
select sent.id, sent.dispatched_at, scanned.id as scan_id, scanned.location
from sent
join scanned on scanned.shipment_id = sent.id;

-- name: delivery_times :many
select
  c.name as carrier,
  count(*) as deliveries,
  avg(s.delivered_at - s.dispatched_at) as average,
  max(extract(epoch from s.delivered_at - s.dispatched_at) / 3600)::numeric(8, 1) as slowest_hours
from shipments s
join carriers c on c.id = s.carrier_id
where s.status = 'delivered'
  and s.dispatched_at is not null
  and s.delivered_at is not null
group by c.id
order by average;

-- name: overview :one
select
  count(*) as total,
  count(*) filter (where status = 'in_transit') as in_transit,
  count(delivered_at) as delivered,
  min(created_at) filter (where status = 'created') as oldest_waiting,
  (select count(*) from warehouses) as warehouses
from shipments;
