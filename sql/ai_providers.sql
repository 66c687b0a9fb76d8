-- The services that answer chat requests, and which of them is asked by default.

-- name: get :one
-- One provider.
-- batch
select *
from ai_providers
where id = :id

-- name: get_by_name :one
-- The provider of that name.
-- batch
select *
from ai_providers
where name = :name

-- name: get_default :one
-- The provider that answers requests which name none. There is one at most, except within a unit of
-- work that deferred the constraint.
select *
from ai_providers
where is_default
limit 1

-- name: active :many
-- The providers that requests may go to, by name.
select *
from ai_providers
where is_active
order by name

-- name: search :many
-- Providers by name, with the number that match in all. Behind the last page there is no row to
-- carry the total: `count` tells it.
-- default: limit 50
-- default: offset 0
select
  p,
  count(*) over () as total
from ai_providers p
where true
  and p.type = :type                 -- if :type
  and p.auth_type = :auth_type       -- if :auth_type
  and p.is_active = :is_active       -- if :is_active
  and p.is_default = :is_default     -- if :is_default
order by p.name
limit :limit offset :offset

-- name: count :one!
-- How many providers `search` finds with the same filters.
select count(*)
from ai_providers p
where true -- where: search

-- name: with_interactions :many
-- The active providers by name, each with its newest interactions since a time: only those that
-- went well, no more than so many for each. A provider without any is there once.
-- default: per_provider 10
select
  p,
  i
from ai_providers p
left join lateral (
  select newest.id
  from ai_interactions newest
  where newest.provider_id = p.id
    and newest.created_at >= :since
    and newest.error is null
  order by newest.created_at desc, newest.id desc
  limit :per_provider
) chosen on true
left join ai_interactions i on i.id = chosen.id
where p.is_active
order by p.name, i.created_at desc, i.id desc

-- name: create :one!
-- Sets up a provider. As long as there is a default one, another can't be created as such.
-- default: id uuid7()
-- default: auth_type None
-- default: api_key None
-- default: base_url None
-- default: models None
-- default: settings None
-- default: is_active True
-- default: is_default False
-- default: oauth_access_token None
-- default: oauth_refresh_token None
-- default: oauth_token_expires_at None
-- default: oauth_scope None
-- default: oauth_client_id None
insert into ai_providers (
  id, name, type, auth_type, api_key, base_url, models, settings, is_active, is_default,
  oauth_access_token, oauth_refresh_token, oauth_token_expires_at, oauth_scope, oauth_client_id
)
values (
  :id, :name, :type, coalesce(:auth_type?, 'api_key'::auth_type), :api_key, :base_url, :models,
  :settings, :is_active, :is_default,
  :oauth_access_token, :oauth_refresh_token, :oauth_token_expires_at, :oauth_scope,
  :oauth_client_id
)
returning *

-- name: create_many :bulk
-- Sets up several providers that an API key opens.
-- default: id uuid7()
-- default: api_key None
-- default: base_url None
-- default: models None
-- default: settings None
-- default: is_default False
insert into ai_providers (id, name, type, api_key, base_url, models, settings, is_default)
values (:id, :name, :type, :api_key, :base_url, :models, :settings, :is_default)
returning *

-- name: update :one
-- Changes some fields of a provider and returns it as it is now. What is left out stays; where null
-- is a value, None sets it.
update ai_providers
set
  name = :name,                                       -- if :name
  type = :type,                                       -- if :type
  auth_type = :auth_type,                             -- if :auth_type
  is_active = :is_active,                             -- if :is_active
  api_key = :api_key,                                 -- if :api_key
  base_url = :base_url,                               -- if :base_url
  models = :models,                                   -- if :models
  settings = :settings,                               -- if :settings
  oauth_access_token = :oauth_access_token,           -- if :oauth_access_token
  oauth_refresh_token = :oauth_refresh_token,         -- if :oauth_refresh_token
  oauth_token_expires_at = :oauth_token_expires_at,   -- if :oauth_token_expires_at
  oauth_scope = :oauth_scope,                         -- if :oauth_scope
  oauth_client_id = :oauth_client_id                  -- if :oauth_client_id
where id = :id
returning *

-- name: switch :exec
-- Switches all providers of one type on or off, and returns how many there are.
update ai_providers
set is_active = :is_active
where type = :type

-- name: set_default :many
-- Makes a provider the default one. Returns what changed: it, and the one that was the default
-- before; nothing where there is no such provider, and then nothing changes.
-- The providers are locked first, in one order, and read as they are then: callers who race follow
-- one another, and the last one wins. Rows that refer to a provider are not held up.
with provider as materialized (
  select id, is_default
  from ai_providers
  order by id
  for no key update
)
update ai_providers p
set is_default = (p.id = :id)
from provider
where p.id = provider.id
  and (provider.is_default or provider.id = :id)
  and exists (select from provider where id = :id)
returning p.*

-- name: delete :one
-- Deletes a provider and returns it; its interactions stay, without one. The default provider is
-- not deleted: there is no row then, as where there is no such provider.
delete from ai_providers
where id = :id
  and not is_default
returning *
