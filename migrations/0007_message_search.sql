-- depends: 0006_ai_interactions

-- Search looks at what people wrote and read, whichever provider's format it is in: `content` and
-- `text` at any depth (a conversation, its parts, the choices of an answer), and the plain fields
-- of simple APIs. Images and arguments of tools lie under other names and stay out.
--
-- No more than 100,000 characters of each side: a tsvector ends at 1 MB, and without that bound an
-- exchange too long to be searched could not be recorded at all.
--
-- The paths with `**` are strict: lax ones find what lies in a list twice. The subqueries keep the
-- planner from putting the body in place of the call, by which the index is found.
create function message_words(request jsonb, response jsonb) returns tsvector
language sql
immutable
parallel safe
cost 1000
return to_tsvector('simple', concat_ws(' ',
  (
    select left(string_agg(piece #>> '{}', ' '), 100000)
    from unnest('{strict $.**.content, strict $.**.text,
                  $.prompt[*], $.system[*], $.input[*]}'::jsonpath[]) path,
         jsonb_path_query(request, path) piece
    where jsonb_typeof(piece) = 'string'
  ),
  (
    select left(string_agg(piece #>> '{}', ' '), 100000)
    from unnest('{strict $.**.content, strict $.**.text,
                  $.completion, $.response}'::jsonpath[]) path,
         jsonb_path_query(response, path) piece
    where jsonb_typeof(piece) = 'string'
  )
));

-- Full text over an expression: nothing is stored twice.
create index ai_interactions_words_idx on ai_interactions
  using gin (message_words(request, response));

-- ANALYZE would take the words of 30,000 exchanges each time, and having seen a word often, the
-- planner would rather take those of every row than ask the index.
alter index ai_interactions_words_idx alter column 1 set statistics 0;

comment on function message_words(jsonb, jsonb) is
  'The words of an exchange, as search looks at them: in lower case, not reduced to their stems.';
