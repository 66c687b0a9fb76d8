"""The five-minute tour: lookups, nested rows, secrets, enums, bulk, copy, streams, writes."""

from emitting import (
    BIGINT,
    INT,
    JSONB,
    TEXT,
    TIME,
    UUID,
    CopyTarget,
    Maybe,
    Tracked,
    Write,
    columns_of,
    enum,
    nested,
    parameter,
    query,
    schema,
    table,
)

auth_type = enum("auth_type", "api_key", "oauth", comment="How a provider knows us.")
providers = table(
    "ai_providers",
    {
        "id": UUID,
        "name": TEXT,
        "auth_type": auth_type,
        "api_key": Maybe(TEXT),
        "settings": Maybe(JSONB),
    },
    comment="Whom requests are forwarded to.",
    comments={"name": "What people call it.", "api_key": "Sent with each request."},
)
interactions = table(
    "ai_interactions",
    {
        "id": UUID,
        "provider_id": Maybe(UUID),
        "model": TEXT,
        "total_tokens": Maybe(INT),
        "created_at": TIME,
    },
    comment="One exchange with a provider.",
    comments={"total_tokens": "As the provider counts them."},
)
joined = [*columns_of(interactions), *columns_of(providers, nullable=True)]
new_key = parameter("api_key", Maybe(TEXT), origin=(providers, "api_key"))
queries = [
    query(
        "ai_interactions.get",
        "one",
        "select id, provider_id, model, total_tokens, created_at\nfrom ai_interactions\n"
        "where id = $1",
        parameters=[parameter("id", UUID)],
        whole=interactions,
        doc="One interaction.",
        read_only=True,
    ),
    query(
        "ai_interactions.recent",
        "many",
        "select id, provider_id, model, total_tokens, created_at\nfrom ai_interactions\n"
        "where model = $1\norder by created_at desc\nlimit $2",
        parameters=[parameter("model", TEXT), parameter("limit", BIGINT, default="20")],
        whole=interactions,
        doc="The newest interactions with one model, newest first.",
        read_only=True,
    ),
    query(
        "ai_interactions.count",
        "one",
        "select count(*) from ai_interactions",
        columns={"count": BIGINT},
        cardinality="one",
        read_only=True,
    ),
    query(
        "ai_interactions.create",
        "one",
        "insert into ai_interactions (id, provider_id, model)\nvalues ($1, $2, $3)\n"
        "returning id, provider_id, model, total_tokens, created_at",
        parameters=[
            parameter("id", UUID, default="uuid7()"),
            parameter("provider_id", Maybe(UUID)),
            parameter("model", TEXT),
        ],
        whole=interactions,
        cardinality="one",
        writes=[Write(interactions.ref, "create", returned=True)],
        tracked=Tracked(
            "insert into ai_interactions (id, provider_id, model)\nvalues ($1, $2, $3)\n"
            "returning id, provider_id, model, total_tokens, created_at, pg_current_xact_id()",
            created=False,
        ),
    ),
    query(
        "ai_interactions.create_many",
        "bulk",
        "insert into ai_interactions (id, model)\nvalues ($1, $2)\n"
        "returning id, provider_id, model, total_tokens, created_at",
        parameters=[parameter("id", UUID, default="uuid7()"), parameter("model", TEXT)],
        whole=interactions,
        writes=[Write(interactions.ref, "create", returned=True)],
    ),
    query(
        "ai_interactions.load",
        "copy",
        "copy ai_interactions (id, model) from stdin",
        parameters=[parameter("id", UUID), parameter("model", TEXT)],
        writes=[Write(interactions.ref, "create")],
        copy=CopyTarget(interactions.ref, ("id", "model")),
    ),
    query(
        "ai_interactions.export",
        "stream",
        "select id, provider_id, model, total_tokens, created_at from ai_interactions\n"
        "where created_at >= $1",
        parameters=[parameter("since", TIME)],
        whole=interactions,
        read_only=True,
    ),
    query(
        "ai_interactions.delete_before",
        "exec",
        "delete from ai_interactions where created_at < $1",
        parameters=[parameter("before", TIME)],
        writes=[Write(interactions.ref, "delete")],
        timeout=2.0,
    ),
    query(
        "ai_providers.get",
        "one!",
        "select id, name, auth_type, api_key, settings from ai_providers where id = $1",
        parameters=[parameter("id", UUID)],
        whole=providers,
        none="NoSuchProvider",
        read_only=True,
    ),
    query(
        "ai_providers.set_key",
        "one",
        "update ai_providers set api_key = $2, auth_type = $3 where id = $1\n"
        "returning id, name, auth_type, api_key, settings",
        parameters=[
            parameter("id", UUID),
            new_key,
            parameter("auth_type", auth_type, default="'api_key'"),
        ],
        whole=providers,
        writes=[Write(providers.ref, "update", returned=True)],
    ),
    query(
        "ai_providers.import_keys",
        "bulk",
        "update ai_providers set api_key = $2 where id = $1",
        parameters=[parameter("id", UUID), new_key],
        writes=[Write(providers.ref, "update")],
    ),
    query(
        "ai_providers.list",
        "many",
        "select id, name, auth_type, api_key, settings from ai_providers order by name",
        whole=providers,
        read_only=True,
    ),
    query(
        "ai_providers.names",
        "many",
        "select name from ai_providers",
        columns={"name": TEXT},
        read_only=True,
    ),
    query(
        "ai_providers.auth_types",
        "many",
        "select distinct auth_type from ai_providers",
        columns={"auth_type": auth_type},
        read_only=True,
    ),
    query(
        "messages.get",
        "one",
        "select i.id, i.provider_id, i.model, i.total_tokens, i.created_at,\n"
        "  p.id, p.name, p.auth_type, p.api_key, p.settings\nfrom ai_interactions i\n"
        "left join ai_providers p on p.id = i.provider_id\nwhere i.id = $1",
        parameters=[parameter("id", UUID)],
        columns=joined,
        fields=[nested("interaction", interactions, 0), nested("provider", providers, 5, 5)],
        returns="Message",
        doc="A message with its provider.",
        read_only=True,
    ),
    query(
        "messages.search",
        "many",
        "select i.id, i.provider_id, i.model, i.total_tokens, i.created_at,\n"
        "  p.id, p.name, p.auth_type, p.api_key, p.settings\nfrom ai_interactions i\n"
        "left join ai_providers p on p.id = i.provider_id",
        columns=joined,
        fields=[nested("interaction", interactions, 0), nested("provider", providers, 5, 5)],
        returns="Message",
        read_only=True,
    ),
    query(
        "statistics.totals",
        "one!",
        "select model, count(*) as total, sum(total_tokens) as tokens\n"
        "from ai_interactions\ngroup by model",
        columns={"model": TEXT, "total": BIGINT, "tokens": Maybe(BIGINT)},
        cardinality="one",
        read_only=True,
    ),
]
facts = schema(auth_type, providers, interactions)
settings = {"types": {"public.ai_providers.api_key": "secret"}}
