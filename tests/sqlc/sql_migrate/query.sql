-- name: Load :one
SELECT * FROM data WHERE id = $1;

-- name: Store :exec
INSERT INTO data (id, owner, payload) VALUES ($1, $2, $3);
