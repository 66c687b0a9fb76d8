-- depends: 0005_ai_providers

create table ai_interactions (
  id                uuid         not null default uuidv7(),
  provider_id       uuid,
  model             varchar(100) not null,
  request           jsonb        not null,
  response          jsonb,
  prompt_tokens     int,
  completion_tokens int,
  total_tokens      int,
  response_time_ms  int,
  status_code       int,
  error             text,
  created_at        timestamptz  not null default now(),

  constraint ai_interactions_pkey primary key (id),
  constraint ai_interactions_provider_id_fkey foreign key (provider_id)
    references ai_providers (id) on delete set null on update cascade,
  constraint ai_interactions_prompt_tokens_not_negative check (prompt_tokens >= 0),
  constraint ai_interactions_completion_tokens_not_negative check (completion_tokens >= 0),
  constraint ai_interactions_total_tokens_not_negative check (total_tokens >= 0),
  constraint ai_interactions_response_time_ms_not_negative check (response_time_ms >= 0)
)
-- Requests and answers are stored beside the table: some fifty rows share a page, and figures over
-- many rows don't read the JSON between them. It takes effect for rows written later only, so it
-- stands here from the start.
with (toast_tuple_target = 128);

-- The message list, newest or oldest first, and statistics of a period. Each of these ends in the
-- id: what is loaded at once shares its time, and a page must know where it stopped.
create index ai_interactions_created_at_idx on ai_interactions (created_at, id);

-- The same for one model and for one provider; the latter also serves the foreign key.
create index ai_interactions_model_idx on ai_interactions (model, created_at, id);
create index ai_interactions_provider_id_idx on ai_interactions (provider_id, created_at, id);

-- Failures are few: the list of them alone, without a walk over the successes between.
create index ai_interactions_failed_idx on ai_interactions (created_at, id)
  where error is not null;

comment on table ai_interactions is
  'An exchange with a provider: what was asked, what came back, and what it cost.';
comment on column ai_interactions.id is
  'Sorts by time of creation (UUIDv7); made by the client, so that it is known before the row is.';
comment on column ai_interactions.provider_id is
  'The provider that was asked; null once the provider is deleted.';
comment on column ai_interactions.model is 'The name of the model that was asked.';
comment on column ai_interactions.request is 'The request as it was sent to the provider.';
comment on column ai_interactions.response is
  'The answer as it came; null until there is one (a streamed answer comes later).';
comment on column ai_interactions.prompt_tokens is 'Tokens of the request, as the provider counts.';
comment on column ai_interactions.completion_tokens is
  'Tokens of the answer, as the provider counts.';
comment on column ai_interactions.total_tokens is
  'Both together, or the one that is known; null where the provider gave no count.';
comment on column ai_interactions.response_time_ms is
  'Time to the end of the answer, in milliseconds.';
comment on column ai_interactions.status_code is
  'The HTTP status that the provider answered with; null while there is none.';
comment on column ai_interactions.error is 'What went wrong; null where nothing did.';
comment on column ai_interactions.created_at is 'When the request was made.';
