-- name: search :many
-- Interactions that match every filter given.
-- default: limit 20
with
  matching as ( -- if :search
    select
      id
    from
      tags
    where
      note = :search
  )
select
  i.id,
  p.name
from
  interactions i
  left join providers p on p.id = i.provider_id
where
  true
  and i.model = :model -- if :model
  and i.created_at >= :since -- if :since
  and i.error is not null -- if :failed = true
  and i.error is null -- if :failed = false
  and exists ( -- if :tag
    select
    from
      tags t
    where
      t.note = :tag
  )
order by
  i.created_at desc, -- sort: newest / oldest
  i.id desc, -- sort: newest / oldest
  i.tokens desc nulls last -- sort: most_tokens
limit
  :limit;

-- name: patch :one
update tags
set
  note = :note, -- if :note
  "größe" = :size -- if :size
where
  id = :id?
returning
  *;

-- name: add :one
insert into
  tags (
    id,
    names,
    note -- if :note
  )
values
  (
    :id,
    :names,
    :note -- if :note
  )
returning
  id;

-- name: total :one!
select
  count(*) as total
from
  interactions i
where
  true -- where: search
