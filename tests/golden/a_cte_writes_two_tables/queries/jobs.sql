-- name: finish :one
-- Moves a job to those that are done.
with finished as (
  delete from jobs
  where id = :id
  returning id, payload
)
insert into jobs_done (id, payload, took)
select id, payload, :took
from finished
returning *;
