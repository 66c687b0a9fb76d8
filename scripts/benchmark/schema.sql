create table ai_providers (
    id uuid primary key default gen_random_uuid(),
    name varchar(100) not null unique,
    type varchar(50) not null,
    api_key text,
    base_url varchar(500),
    models jsonb,
    settings jsonb,
    is_active boolean not null default true,
    is_default boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table ai_interactions (
    id uuid primary key default gen_random_uuid(),
    provider_id uuid references ai_providers on delete set null,
    model varchar(100) not null,
    request jsonb not null,
    response jsonb,
    prompt_tokens int4,
    completion_tokens int4,
    total_tokens int4,
    response_time_ms int4,
    status_code int4,
    error text,
    created_at timestamptz not null default now()
);
create index on ai_interactions (provider_id);
create index on ai_interactions (model, created_at desc);
create index on ai_interactions (created_at, id);
