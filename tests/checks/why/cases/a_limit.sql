-- name: q :one
select id from messages order by id desc limit 1;
