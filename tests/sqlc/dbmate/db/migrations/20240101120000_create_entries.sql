-- migrate:up transaction:false
CREATE TABLE entries (id INTEGER PRIMARY KEY, amount NUMERIC(12, 2) NOT NULL, note TEXT);

-- migrate:down
DROP TABLE entries;
