-- name: GetAuthor :one
SELECT * FROM authors WHERE id = $1;

-- name: AuthorCalled :one
SELECT * FROM authors WHERE name = @name ORDER BY id;

-- name: ListAuthors :many
-- All authors, by name.
SELECT * FROM authors ORDER BY name;

-- name: CreateAuthor :one
INSERT INTO authors (name, bio) VALUES ($1, $2) RETURNING *;

-- name: ChangeAuthor :execrows
UPDATE authors
SET name = coalesce(sqlc.narg('name'), name), bio = coalesce(sqlc.narg('bio'), bio)
WHERE id = sqlc.arg('id');

/* name: CountAuthors :one */
SELECT count(*) FROM authors;

# name: DeleteAuthor :exec
DELETE FROM authors WHERE id = $1;
