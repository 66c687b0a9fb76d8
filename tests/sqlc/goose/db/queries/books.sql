-- name: BooksWithAuthors :many
SELECT sqlc.embed(books), sqlc.embed(authors)
FROM books
JOIN authors ON authors.id = books.author_id
ORDER BY books.id;

-- name: TitlesOf :many
SELECT title FROM books WHERE author_id IN (sqlc.slice(author_ids)) ORDER BY id;

-- name: Others :many
SELECT id, shout(title) AS loud FROM books WHERE id NOT IN (sqlc.slice('ids')) ORDER BY id;

-- name: ImportBooks :copyfrom
INSERT INTO books (author_id, title, genre) VALUES ($1, $2, $3);

-- name: AddBooks :batchone
INSERT INTO books (author_id, title, genre) VALUES ($1, $2, $3) RETURNING id;

-- name: FindBooks :batchone
SELECT title FROM books WHERE id = $1;

-- name: BooksOfEach :batchmany
SELECT * FROM books WHERE author_id = $1 ORDER BY id;

-- name: Reprice :batchexec
UPDATE books SET cents = $2 WHERE id = $1;

-- name: DropBooks :execresult
DELETE FROM books;
