-- name: of_mood :many
-- People in a mood.
-- default: mood 'glad'
-- default: id 'one'
select * from people where mood = :mood and id > :id;
