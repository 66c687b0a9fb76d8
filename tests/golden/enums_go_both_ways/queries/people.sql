-- name: feeling :many
select id, mood, moods, was
from people
where mood = :mood and mood = any(:moods);

-- name: moods :many
select distinct mood from people;

-- name: add :exec
-- default: mood 'so-so'
insert into people (id, mood, was) values (:id, :mood, :was);
