create type visibility as enum ('public', 'followers', 'private');

create table accounts (
  id bigint generated always as identity primary key,
  username text not null unique check (username = lower(username)),
  display_name text,
  bio text,
  verified boolean not null default false,
  joined_at timestamptz not null default now(),
  suspended_at timestamptz
);

create table follows (
  follower_id bigint references accounts (id) on delete cascade,
  followed_id bigint references accounts (id) on delete cascade,
  since timestamptz not null default now(),
  primary key (follower_id, followed_id),
  check (follower_id <> followed_id)
);

create table posts (
  id bigint generated always as identity primary key,
  author_id bigint not null references accounts (id) on delete cascade,
  reply_to_id bigint references posts (id) on delete set null,
  repost_of_id bigint references posts (id) on delete cascade,
  body text,
  visibility visibility not null default 'public',
  media jsonb,
  posted_at timestamptz not null default now(),
  edited_at timestamptz,
  check (body is not null or media is not null or repost_of_id is not null)
);

create table likes (
  account_id bigint references accounts (id) on delete cascade,
  post_id bigint references posts (id) on delete cascade,
  liked_at timestamptz not null default now(),
  primary key (account_id, post_id)
);

create table notifications (
  id bigint generated always as identity primary key,
  account_id bigint not null references accounts (id) on delete cascade,
  actor_id bigint references accounts (id) on delete set null,
  kind text not null check (kind in ('like', 'reply', 'follow', 'system')),
  post_id bigint references posts (id) on delete cascade,
  created_at timestamptz not null default now(),
  read_at timestamptz
);

create view profile_counts as
select
  a.id as account_id,
  (select count(*) from follows f where f.followed_id = a.id) as followers,
  (select count(*) from follows f where f.follower_id = a.id) as following,
  (select count(*) from posts p where p.author_id = a.id) as posts
from accounts a;
