-- name: GetAuthor :one
SELECT * FROM authors
WHERE id = $1 LIMIT 1;

-- name: ListAuthors :many
SELECT * FROM authors
ORDER BY name;

-- name: CreateAuthor :one
INSERT INTO authors (
  name, bio
) VALUES (
  $1, $2
)
RETURNING *;

-- name: UpdateAuthor :exec
UPDATE authors
SET name = coalesce(sqlc.narg('name'), name), bio = coalesce(sqlc.narg(bio), bio)
WHERE id = @id;

-- name: DeleteAuthor :execrows
DELETE FROM authors
WHERE id = sqlc.arg(author_id);

-- name: AuthorsByIDs :many
SELECT id, name FROM authors WHERE id IN (sqlc.slice(ids));

-- name: FirstByName :one
SELECT * FROM authors WHERE name = @name;

-- name: BooksWithAuthors :many
SELECT sqlc.embed(books), sqlc.embed(authors)
FROM books
JOIN authors ON authors.id = books.author_id;

-- name: LoadAuthors :copyfrom
INSERT INTO authors (name, bio) VALUES ($1, $2);
