create type post_status as enum ('draft', 'scheduled', 'published');

create table authors (
  id uuid primary key default gen_random_uuid(),
  handle varchar(40) not null unique,
  display_name text not null,
  bio text,
  avatar_url text
);

create table posts (
  id uuid primary key default gen_random_uuid(),
  author_id uuid not null references authors (id),
  slug text not null unique,
  title text not null,
  body text not null,
  excerpt text,
  status post_status not null default 'draft',
  published_at timestamptz,
  meta jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint published_has_a_time check (status <> 'published' or published_at is not null)
);

create table tags (
  id serial primary key,
  name text not null unique
);

create table post_tags (
  post_id uuid references posts (id) on delete cascade,
  tag_id int references tags (id) on delete cascade,
  primary key (post_id, tag_id)
);

create table comments (
  id bigserial primary key,
  post_id uuid not null references posts (id) on delete cascade,
  parent_id bigint references comments (id) on delete cascade,
  author_name text not null,
  author_email text,
  body text not null,
  approved boolean not null default false,
  created_at timestamptz not null default now()
);

create table revisions (
  post_id uuid not null references posts (id) on delete cascade,
  number int not null,
  editor_id uuid references authors (id),
  title text not null,
  body text not null,
  saved_at timestamptz not null default now(),
  primary key (post_id, number)
);

create view published_posts as
select p.id, p.slug, p.title, p.excerpt, p.body, p.published_at, p.author_id, a.handle, a.display_name
from posts p
join authors a on a.id = p.author_id
where p.status = 'published' and p.published_at <= now();
