-- +migrate Up
CREATE TABLE data (id int PRIMARY KEY, owner text NOT NULL, payload jsonb NOT NULL);

-- +migrate StatementBegin
CREATE FUNCTION touch() RETURNS trigger AS $$
BEGIN
  RETURN NEW;
END;
$$ LANGUAGE plpgsql;
-- +migrate StatementEnd

-- +migrate Down
DROP TABLE data;
