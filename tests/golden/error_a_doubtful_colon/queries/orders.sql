-- name: slice :many
select (array[1, 2, 3])[1:x] as part, (array[1, 2, 3])[:n] as other;
