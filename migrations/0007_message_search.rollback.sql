drop index ai_interactions_words_idx;
drop function message_words(jsonb, jsonb);
