alter index ai_interactions_words_idx reset (gin_pending_list_limit);
