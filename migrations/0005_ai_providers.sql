-- depends: 0001_foundation

create type auth_type as enum ('api_key', 'oauth');

comment on type auth_type is 'How the gateway proves to a provider who it is.';

create table ai_providers (
  id                     uuid         not null default uuidv7(),
  name                   varchar(100) not null,
  type                   varchar(50)  not null,
  auth_type              auth_type    not null default 'api_key',
  api_key                text,
  base_url               varchar(500),
  models                 jsonb,
  settings               jsonb,
  is_active              boolean      not null default true,
  is_default             boolean      not null default false,
  oauth_access_token     text,
  oauth_refresh_token    text,
  oauth_token_expires_at timestamptz,
  oauth_scope            varchar(500),
  oauth_client_id        varchar(255),
  created_at             timestamptz  not null default now(),
  updated_at             timestamptz  not null default now(),

  constraint ai_providers_pkey primary key (id),
  constraint ai_providers_name_key unique (name),
  constraint ai_providers_name_not_empty check (name <> ''),
  constraint ai_providers_type_known check (type in ('openai', 'anthropic', 'groq', 'ollama')),
  constraint ai_providers_models_are_strings check (
    jsonb_typeof(models) = 'array'
    and not jsonb_path_exists(models, 'strict $[*] ? (@.type() <> "string")', silent => true)
  ),
  constraint ai_providers_settings_are_an_object check (jsonb_typeof(settings) = 'object'),

  -- Checked when a statement ends, not row by row: one UPDATE can move the flag from one provider
  -- to another, which a partial unique index refuses or not depending on the order of the rows.
  constraint ai_providers_one_default exclude using btree (is_default with =) where (is_default)
    deferrable initially immediate
);

create trigger ai_providers_touch_updated_at
  before update on ai_providers
  for each row execute function touch_updated_at();

comment on table ai_providers is 'A service that answers chat requests, and how to reach it.';
comment on column ai_providers.id is 'Sorts by time of creation (UUIDv7).';
comment on column ai_providers.name is 'What people call the provider, unique.';
comment on column ai_providers.type is
  'The protocol that it speaks: `openai`, `anthropic`, `groq` or `ollama`.';
comment on column ai_providers.auth_type is 'Whether an API key or OAuth opens the provider.';
comment on column ai_providers.api_key is
  'The API key. A secret: it shows in no log, error or answer.';
comment on column ai_providers.base_url is
  'Where the provider is; null for the usual address of its type.';
comment on column ai_providers.models is
  'The names of the models that it offers, a list of strings; null where that is unknown.';
comment on column ai_providers.settings is
  'What else its protocol wants to know (timeouts, extra headers), an object.';
comment on column ai_providers.is_active is 'Whether requests may go there.';
comment on column ai_providers.is_default is
  'Whether requests go there that name no provider; true for one provider at most.';
comment on column ai_providers.oauth_access_token is
  'The OAuth access token. A secret: it shows in no log, error or answer.';
comment on column ai_providers.oauth_refresh_token is
  'The token that buys the next access token. A secret like it.';
comment on column ai_providers.oauth_token_expires_at is 'When the access token ends.';
comment on column ai_providers.oauth_scope is 'What the access token allows, separated by spaces.';
comment on column ai_providers.oauth_client_id is 'Who the gateway is to the OAuth server.';
comment on column ai_providers.created_at is 'When the provider was set up.';
comment on column ai_providers.updated_at is
  'When the row last changed; the database keeps it, whoever makes the change.';
