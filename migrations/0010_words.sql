-- depends: 0007_message_search

-- New words wait in a list, and whoever fills it sorts it into the index. A longer list is sorted in
-- larger batches, which writes a third less; the upkeep sorts it long before it is full. Searches read
-- the list: a millisecond for some hundred messages.
alter index ai_interactions_words_idx set (gin_pending_list_limit = 16384);
