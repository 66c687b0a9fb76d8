-- +goose Up
CREATE TYPE genre AS ENUM ('novel', 'essay');

CREATE TABLE authors (
  id BIGSERIAL PRIMARY KEY,
  name TEXT NOT NULL,
  bio TEXT
);

-- +goose StatementBegin
CREATE FUNCTION shout(words TEXT) RETURNS TEXT AS $$
BEGIN
  RETURN upper(words);
END;
$$ LANGUAGE plpgsql;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION shout(TEXT);
DROP TABLE authors;
DROP TYPE genre;
