-- name: q :one
update stamped set note = 'x' where id = :id returning id, note;
