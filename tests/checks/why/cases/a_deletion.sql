-- name: q :exec
with gone as (delete from messages where id = :id returning provider_id)
update providers set mood = 'sad' where id in (select provider_id from gone);
