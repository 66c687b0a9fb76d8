-- name: Balance :one
SELECT coalesce(sum(amount), 0)::numeric AS balance FROM entries;

-- name: Entry :one
SELECT * FROM entries WHERE id = $1 LIMIT 1;
