-- Rows that are the same in every run: all of them follow from their number.
create function pg_temp.words(seed text, count int) returns text language sql as $$
    select string_agg(
        (array['the', 'model', 'answers', 'about', 'usage', 'latency', 'customers', 'paste', 'logs',
               'ticket', 'cause', 'steps', 'retry', 'budget', 'cache', 'invoice', 'schema',
               'translate', 'column', 'plan', 'deploy', 'context'])[1 + abs(hashtext(seed || n)) % 22],
        ' ' order by n
    )
    from generate_series(1, count) n
$$;

insert into ai_providers (id, name, type, api_key, base_url, models, settings, created_at, updated_at)
select
    md5('provider ' || n)::uuid, 'provider-' || n, (array['openai', 'anthropic', 'google'])[1 + n % 3],
    'sk-' || md5('key ' || n), 'https://api' || n || '.example.com/v1', '["gpt-4o", "phi-4"]',
    jsonb_build_object('retries', 2, 'region', 'eu-' || n), '2025-01-01', '2025-01-01'
from generate_series(0, 9) n;

insert into ai_interactions
select
    md5('interaction ' || n)::uuid,
    md5('provider ' || n % 10)::uuid,
    'model-' || abs(hashtext('model ' || n)) % 16,
    jsonb_build_object(
        'model', 'model-' || abs(hashtext('model ' || n)) % 16,
        'messages', jsonb_build_array(
            jsonb_build_object('role', 'system', 'content', pg_temp.words('s' || n, 28)),
            jsonb_build_object('role', 'user', 'content', pg_temp.words('u' || n, 60))
        ),
        'temperature', (n % 99 + 1)::numeric / 100,
        'max_tokens', 1024,
        'stream', n % 2 = 0,
        'tools', null
    ),
    jsonb_build_object(
        'id', 'chatcmpl-' || md5('response ' || n),
        'choices', jsonb_build_array(
            jsonb_build_object('index', 0, 'content', pg_temp.words('a' || n, 100), 'finish', 'stop')
        ),
        'usage', jsonb_build_object('prompt_tokens', n % 900, 'completion_tokens', n % 1100)
    ),
    n % 900, n % 1100, n % 900 + n % 1100, 80 + n % 8000,
    case when n % 20 = 0 then 500 else 200 end,
    case when n % 20 = 0 then pg_temp.words('e' || n, 8) end,
    '2025-01-01 00:00:00+00'::timestamptz + n * interval '37.001 s'
from generate_series(1, $ROWS) n;

analyze;
