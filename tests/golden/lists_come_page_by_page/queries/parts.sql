-- name: browse :page
-- Parts, each with its maker if that is known.
-- default: limit 10
select p, m
from parts p
left join makers m on m.id = p.maker_id
where true
  and p.mood = :mood                          -- if :mood
  and p.size >= :min_size                     -- if :min_size
  and m.name = any(:makers)                   -- if :makers
  and p.maker_id is null                      -- if :unknown = true
  and p.maker_id is not null                  -- if :unknown = false
order by
  p.made desc, p.id desc,                     -- sort: newest / oldest
  p.size desc nulls last, p.id,               -- sort: largest / smallest
  p.mood nulls first, p.weight, p.id desc     -- sort: mood

-- name: unload :copy
-- The ids of all that `browse` finds, as a file.
select p.id
from parts p
left join makers m on m.id = p.maker_id
where true                                    -- where: browse
order by
  p.made desc, p.id desc,                     -- sort: newest / oldest
  p.size desc nulls last, p.id,               -- sort: largest / smallest
  p.mood nulls first, p.weight, p.id desc     -- sort: mood

-- name: names :page
select name from makers order by name

-- name: near :page
-- Parts by how far their size is from another: of those that have one.
with measured as (select * from parts where size is not null)
select id, size
from measured
order by abs(size - :size), id
