-- name: front_page :many
select
  p.slug,
  p.title,
  coalesce(p.excerpt, left(p.body, 200)) as summary,
  p.published_at,
  p.display_name as author,
  (select count(*) from comments c where c.post_id = p.id and c.approved) as comments
from published_posts p
order by p.published_at desc
limit 10;

-- name: post_by_slug :one
select
  p.id,
  p.title,
  p.body,
  p.published_at,
  a.handle,
  a.display_name,
  a.bio,
  array(
    select t.name from post_tags pt join tags t on t.id = pt.tag_id where pt.post_id = p.id order by t.name
  ) as tags
from posts p
join authors a on a.id = p.author_id
where p.slug = :slug;

-- name: posts_with_tag :many
select p.slug, p.title, p.excerpt, t.name as tag
from posts p
join post_tags pt on pt.post_id = p.id
join tags t on t.id = pt.tag_id
where lower(t.name) = lower(:tag) and p.status = 'published'
order by p.published_at desc;

-- name: thread :many
with recursive thread as (
  select id, parent_id, author_name, body, created_at, array[id] as path, 1 as level
  from comments
  where post_id = :post_id and parent_id is null and approved
  union all
  select c.id, c.parent_id, c.author_name, c.body, c.created_at, t.path || c.id, t.level + 1
  from comments c
  join thread t on t.id = c.parent_id
  where c.approved
)
select id, parent_id, author_name, body, created_at, level from thread order by path;

-- name: tag_cloud :many
select t.name, count(pt.post_id) as posts
from tags t
left join post_tags pt on pt.tag_id = t.id
group by t.id, t.name
having count(pt.post_id) > 0
order by posts desc, t.name;

-- name: neighbours :many
select slug, title,
  lag(slug) over (order by published_at) as previous,
  lead(slug) over (order by published_at) as next
from published_posts
where author_id = :author_id;

-- name: create_draft :one
insert into posts (author_id, slug, title, body, meta)
values (:author_id, :slug, :title, :body, :meta)
returning *;

-- name: publish :one
update posts
set status = 'published', published_at = coalesce(published_at, now()), updated_at = now()
where id = :id
returning id, slug, published_at;

-- name: latest_revision :one
select r.number, r.title, r.saved_at, e.display_name as editor
from revisions r
left join authors e on e.id = r.editor_id
where r.post_id = :post_id
order by r.number desc
limit 1;

-- name: author_statistics :many
select
  a.handle,
  count(p.id) as posts,
  count(p.id) filter (where p.status = 'published') as published,
  max(p.published_at) as last_published_at,
  coalesce(avg(length(p.body))::int, 0) as average_length,
  p_latest.title as latest_title
from authors a
left join posts p on p.author_id = a.id
left join lateral (
  select title from posts where author_id = a.id order by created_at desc limit 1
) p_latest on true
group by a.id, p_latest.title
order by posts desc;
