-- depends: 0008_message_orders

-- Figures of a filter come from the index that finds its rows: each holds what the figures and the
-- other filters need, so that 100,000 rows that lie scattered over the table are not fetched one by
-- one. An index holds columns and no conditions, nor a text of any length; hence a column for whether
-- there is an error. This writes the table again.
alter table ai_interactions
  add column errored boolean not null generated always as (error is not null) stored;

comment on column ai_interactions.errored is 'Whether there is an error.';

drop index ai_interactions_model_idx;
drop index ai_interactions_provider_id_idx;
drop index ai_interactions_failed_idx;
drop index ai_interactions_total_tokens_idx;
drop index ai_interactions_response_time_ms_idx;

create index ai_interactions_model_idx on ai_interactions (model, created_at, id)
  include (provider_id, errored, status_code, total_tokens, response_time_ms);
create index ai_interactions_provider_id_idx on ai_interactions (provider_id, created_at, id)
  include (model, errored, status_code, total_tokens, response_time_ms);
create index ai_interactions_failed_idx on ai_interactions (created_at, id)
  include (model, provider_id, errored, status_code, total_tokens, response_time_ms)
  where errored;
create index ai_interactions_total_tokens_idx
  on ai_interactions (total_tokens desc nulls last, id desc)
  include (created_at, model, provider_id, errored, status_code, response_time_ms);
create index ai_interactions_response_time_ms_idx
  on ai_interactions (response_time_ms desc nulls last, id desc)
  include (created_at, model, provider_id, errored, status_code, total_tokens);

-- An index answers by itself only for pages that VACUUM has seen since they were written; PostgreSQL
-- would leave it until a fifth of the table is new. More often than this wouldn't do: each time it
-- reads the index of words from end to end.
alter table ai_interactions
  set (autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_insert_scale_factor = 0.02);
