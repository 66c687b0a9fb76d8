-- +goose Up
-- +goose NO TRANSACTION
ALTER TABLE books ADD COLUMN cents INTEGER NOT NULL DEFAULT 0;
CREATE INDEX CONCURRENTLY books_by_author ON books (author_id);

-- +goose Down
ALTER TABLE books DROP COLUMN cents;
