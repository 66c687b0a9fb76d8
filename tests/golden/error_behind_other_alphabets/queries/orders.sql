-- name: greet :many
-- Ünïcödé, 日本語, emoji 😀 and a combining é before the place.
select '日本語 😀 é' as greeting, nmae from customers;

-- name: tabs :many
	select	'ü' as a,	nmae	from customers;
