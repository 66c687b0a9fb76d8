-- name: too_late :one
select * from things where id = :id -- batch
