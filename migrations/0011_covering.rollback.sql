alter table ai_interactions
  reset (autovacuum_vacuum_insert_threshold, autovacuum_vacuum_insert_scale_factor);

drop index ai_interactions_model_idx;
drop index ai_interactions_provider_id_idx;
drop index ai_interactions_failed_idx;
drop index ai_interactions_total_tokens_idx;
drop index ai_interactions_response_time_ms_idx;

alter table ai_interactions drop column errored;

create index ai_interactions_model_idx on ai_interactions (model, created_at, id);
create index ai_interactions_provider_id_idx on ai_interactions (provider_id, created_at, id);
create index ai_interactions_failed_idx on ai_interactions (created_at, id)
  where error is not null;
create index ai_interactions_total_tokens_idx
  on ai_interactions (total_tokens desc nulls last, id desc);
create index ai_interactions_response_time_ms_idx
  on ai_interactions (response_time_ms desc nulls last, id desc);
