-- name: q :one
select log_it();
