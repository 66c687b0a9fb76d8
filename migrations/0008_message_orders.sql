-- depends: 0007_message_search

-- The message list by its figures. What has none stands last where the list begins with the largest,
-- and first the other way round, so that each order is the reverse of the other and one index
-- serves both.
create index ai_interactions_total_tokens_idx
  on ai_interactions (total_tokens desc nulls last, id desc);
create index ai_interactions_response_time_ms_idx
  on ai_interactions (response_time_ms desc nulls last, id desc);
