-- name: People :many
SELECT * FROM listeners ORDER BY id;

-- name: Tracks :many
SELECT * FROM tracks ORDER BY id;
