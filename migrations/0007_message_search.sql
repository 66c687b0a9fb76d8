-- depends: 0006_ai_interactions

-- The words of a request or an answer, whichever provider's format it is in: `content` and `text` at
-- any depth (a conversation, its parts, an answer's choices), and the plain fields of simple APIs.
-- Images and tool arguments lie under other names and stay out.
create function message_text(document jsonb) returns text
language sql
immutable
parallel safe
return (
  select string_agg(piece #>> '{}', ' ') filter (where jsonb_typeof(piece) = 'string')
  from unnest(array[
    'strict $.**.content', 'strict $.**.text',
    'strict $.prompt', 'strict $.system', 'strict $.input', 'strict $.completion', 'strict $.response'
  ]::jsonpath[]) path,
  jsonb_path_query(document, path, silent => true) piece
);

-- What search looks at. PL/pgSQL keeps the planner from putting the function's body in its place:
-- the index is found by this call, and `cost` tells how dear it is to make it row by row.
-- A tsvector ends at 1 MB: without the bound on each side, an exchange too long to be searched could
-- not be recorded at all.
create function message_words(request jsonb, response jsonb) returns tsvector
language plpgsql
immutable
parallel safe
cost 5000
as $$
begin
  return to_tsvector(
    'simple',
    concat_ws(' ', left(message_text(request), 100000), left(message_text(response), 100000))
  );
end
$$;

-- Full text over an expression: nothing is stored twice, and the table need not be rewritten.
create index ai_interactions_words_idx on ai_interactions using gin (message_words(request, response));

comment on function message_text(jsonb) is
  'The text that people wrote and read in a request or an answer, whatever the provider''s format.';
comment on function message_words(jsonb, jsonb) is
  'The words of an exchange, as search looks at them: in lower case, not reduced to their stems.';
