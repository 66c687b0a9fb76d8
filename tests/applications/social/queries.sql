-- name: profile :one
select
  a.id,
  a.username,
  coalesce(a.display_name, a.username) as name,
  a.bio,
  c.followers,
  c.following,
  c.posts,
  exists (
    select 1 from follows f where f.follower_id = :viewer_id and f.followed_id = a.id
  ) as followed_by_viewer
from accounts a
join profile_counts c on c.account_id = a.id
where a.username = :username;

-- name: home_feed :many
select
  p.id,
  p.body,
  p.media,
  p.posted_at,
  p.edited_at is not null as edited,
  a.username,
  a.display_name,
  (select count(*) from likes l where l.post_id = p.id) as likes,
  (select count(*) from posts r where r.reply_to_id = p.id) as replies,
  mine.post_id is not null as liked
from posts p
join accounts a on a.id = p.author_id
join follows f on f.followed_id = p.author_id and f.follower_id = :viewer_id
left join likes mine on mine.post_id = p.id and mine.account_id = :viewer_id
where (p.posted_at, p.id) < (:before, :before_id)
order by p.posted_at desc, p.id desc
limit 50;

-- name: conversation :many
select
  p.id,
  p.body,
  p.posted_at,
  parent.id as parent_id,
  parent_author.username as in_reply_to
from posts p
left join (posts parent join accounts parent_author on parent_author.id = parent.author_id)
  on parent.id = p.reply_to_id
where p.id = :id or p.reply_to_id = :id
order by p.posted_at;

-- name: followers :many
select a.username, a.display_name, a.verified, f.since, back.since as followed_back_since
from follows f
join accounts a on a.id = f.follower_id
left join follows back on back.follower_id = f.followed_id and back.followed_id = f.follower_id
where f.followed_id = :account_id
order by f.since desc;

-- name: mutuals :many
select a.id, a.username
from accounts a
where a.id in (
  select followed_id from follows where follower_id = :one
  intersect
  select followed_id from follows where follower_id = :other
)
order by a.username;

-- name: trending :many
select p.id, p.body, a.username, count(*) as recent_likes, max(l.liked_at) as last_liked_at,
  count(distinct l.account_id) as likers
from likes l
join posts p on p.id = l.post_id
join accounts a on a.id = p.author_id
where l.liked_at > now() - interval '1 day' and p.visibility = 'public'
group by p.id, a.id
order by recent_likes desc
limit 30;

-- name: notifications :many
select
  n.id,
  n.kind,
  n.created_at,
  n.read_at is null as unread,
  coalesce(actor.username, 'someone') as actor,
  left(p.body, 80) as preview
from notifications n
left join accounts actor on actor.id = n.actor_id
left join posts p on p.id = n.post_id
where n.account_id = :account_id
order by n.created_at desc
limit :limit;

-- name: like_post :one
insert into likes (account_id, post_id)
values (:account_id, :post_id)
on conflict (account_id, post_id) do nothing
returning post_id, liked_at;

-- name: suggestions :many
with friends as (
  select followed_id from follows where follower_id = :account_id
)
select a.id, a.username, a.bio, count(*) as common, string_agg(via.username, ', ' order by via.username) as through
from friends
join follows f on f.follower_id = friends.followed_id
join accounts a on a.id = f.followed_id
join accounts via on via.id = friends.followed_id
where a.id <> :account_id
  and a.id not in (select followed_id from friends)
  and a.suspended_at is null
group by a.id
order by common desc
limit 10;

-- name: mark_read :many
update notifications
set read_at = now()
where account_id = :account_id and read_at is null
returning id, kind, actor_id, read_at;
