-- name: Track :one
SELECT * FROM tracks WHERE id = $1;

-- name: Urls :many
SELECT id, spotify_url FROM tracks ORDER BY 1;

-- name: Names :many
SELECT nick, id FROM listeners;

-- name: Listener :one
SELECT * FROM listeners WHERE id = $1;
