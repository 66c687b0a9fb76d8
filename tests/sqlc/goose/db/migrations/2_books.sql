-- +goose Up
CREATE TABLE books (
  id BIGSERIAL PRIMARY KEY,
  author_id BIGINT NOT NULL REFERENCES authors (id),
  title TEXT NOT NULL,
  genre genre NOT NULL
);

-- +goose Down
DROP TABLE books;
