DROP TABLE tracks;
DROP TABLE listeners;
