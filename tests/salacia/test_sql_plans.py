"""Each statement of sql/ has an index that serves it, and no index is there without a statement."""

import datetime as dt
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString, cast

import psycopg
import pytest
from psycopg import sql

from salacia_db.codegen.facts import Statement
from salacia_db.codegen.source import read_queries
from salacia_db.codegen.source.optional import Shape, shape
from salacia_db.postgres.scratch import ScratchDatabases

ROOT = Path(__file__).parents[2]
NOW = dt.datetime.now(dt.UTC)
PROVIDER = uuid.UUID(int=7)

FILL = """
insert into ai_providers (id, name, type, is_default)
select lpad(n::text, 32, '0')::uuid, 'provider ' || n, 'openai', n = 1
from generate_series(1, 300) n;

insert into ai_interactions (provider_id, model, request, response, error, status_code, created_at)
select lpad((1 + n % 10)::text, 32, '0')::uuid, 'model-' || n % 20,
       jsonb_build_object('prompt', 'word' || n % 1000), '{"completion": "yes"}',
       case when n % 50 = 0 then 'timeout' end, 200, now() - n * interval '2 minutes'
from generate_series(1, 20000) n;

insert into api_requests (method, path) select 'GET', '/' || n from generate_series(1, 5000) n;

insert into health_checks (status, database_status, response_time_ms, created_at)
select case when n % 100 = 0 then 'unhealthy' else 'healthy' end, true, n % 50,
       now() - n * interval '5 minutes'
from generate_series(1, 10000) n;

insert into system_metadata (key, value)
select 'area' || n % 100 || '.' || n, n::text from generate_series(1, 5000) n;

analyze;
"""

ARGUMENTS: dict[str, object] = {
    "auth_type": "api_key",
    "created_at": NOW,
    "database_status": True,
    "id": PROVIDER,
    "is_active": True,
    "is_default": False,
    "key": "area7.7",
    "limit": 20,
    "model": "model-7",
    "name": "provider 7",
    "offset": 0,
    "per_provider": 10,
    "prefix": "area7.",
    "provider_id": PROVIDER,
    "provider_ids": [uuid.UUID(int=n) for n in (3, 4)],
    "search": "word77",
    "since": NOW - dt.timedelta(days=1),
    "before": NOW,
    "before_id": uuid.UUID(int=0),
    "after": NOW - dt.timedelta(days=1),
    "after_id": uuid.UUID(int=0),
    "min_tokens": 1_000_000,
    "max_tokens": 10,
    "type": "openai",
    "until": NOW,
}

# What finds the rows of each statement. Statements that only insert are left out: they are looked
# at for what their conflicts and foreign keys need, which constraints serve by themselves.
INDEXES = {
    "ai_interactions.get": {"ai_interactions_pkey"},
    "ai_interactions.get_with_provider": {"ai_interactions_pkey", "ai_providers_pkey"},
    "ai_interactions.with_providers": {"ai_interactions_model_idx", "ai_providers_pkey"},
    "ai_interactions.of_providers": {"ai_interactions_provider_id_idx"},
    "ai_interactions.complete": {"ai_interactions_pkey"},
    "ai_interactions.export": {"ai_interactions_created_at_idx"},
    "ai_providers.get": {"ai_providers_pkey"},
    "ai_providers.get_by_name": {"ai_providers_name_key"},
    "ai_providers.get_default": {"ai_providers_one_default"},
    "ai_providers.delete": {"ai_providers_pkey"},
    "ai_providers.with_interactions": {"ai_interactions_provider_id_idx", "ai_interactions_pkey"},
    "api_requests.recent": {"api_requests_pkey"},
    "health_checks.latest": {"health_checks_created_at_idx"},
    "health_checks.recent_unhealthy": {"health_checks_unhealthy_idx"},
    "health_checks.uptime": {"health_checks_created_at_idx"},
    "messages.get": {"ai_interactions_pkey", "ai_providers_pkey"},
    "messages.older_by_id": {"ai_interactions_pkey", "ai_providers_pkey"},
    "messages.newer_by_id": {"ai_interactions_pkey", "ai_providers_pkey"},
    "statistics.hourly": {"ai_interactions_created_at_idx"},
    "statistics.top_models": {"ai_interactions_created_at_idx"},
    "system_metadata.get": {"system_metadata_key_key"},
    "system_metadata.delete": {"system_metadata_key_key"},
    "system_metadata.with_prefix": {"system_metadata_key_key"},
}

_PAGE = {"ai_interactions_pkey", "ai_providers_pkey"}

# The same for statements whose lines are optional, by what is given beside what is always: the
# planner sees only the filters in use.
SHAPES: dict[str, tuple[str, dict[str, str | None], set[str]]] = {
    "the newest": (
        "messages.search",
        {"sort": "newest"},
        {"ai_interactions_created_at_idx", *_PAGE},
    ),
    "the oldest": (
        "messages.search",
        {"sort": "oldest"},
        {"ai_interactions_created_at_idx", *_PAGE},
    ),
    "by model": ("messages.search", {"sort": "model"}, {"ai_interactions_model_idx", *_PAGE}),
    "by model, reversed": (
        "messages.search",
        {"sort": "model_descending"},
        {"ai_interactions_model_idx", *_PAGE},
    ),
    **{
        f"by {index}, {order}": (
            "messages.search",
            {"sort": order},
            {f"ai_interactions_{index}_idx", *_PAGE},
        )
        for index, orders in {
            "total_tokens": ("most_tokens", "fewest_tokens"),
            "response_time_ms": ("slowest", "fastest"),
        }.items()
        for order in orders
    },
    "most tokens, if many": (
        "messages.search",
        {"min_tokens": None, "sort": "most_tokens"},
        {"ai_interactions_total_tokens_idx", *_PAGE},
    ),
    **{
        f"{name} {given}": (name, given | sort, {index, *pages})
        for name, sort, pages in (
            ("messages.search", {"sort": "newest"}, _PAGE),
            ("messages.older", {}, _PAGE),
            ("messages.newer", {}, _PAGE),
            ("statistics.summary", {}, set[str]()),
        )
        for given, index in (
            ({"since": None}, "ai_interactions_created_at_idx"),
            ({"model": None}, "ai_interactions_model_idx"),
            ({"model": None, "since": None, "until": None}, "ai_interactions_model_idx"),
            ({"provider_id": None}, "ai_interactions_provider_id_idx"),
            ({"failed": "true"}, "ai_interactions_failed_idx"),
            ({"search": None}, "ai_interactions_words_idx"),
            ({"search": None, "model": None, "failed": "false"}, "ai_interactions_words_idx"),
        )
    },
    "a change": ("ai_providers.update", {"name": None}, {"ai_providers_pkey"}),
}

# Providers are tens: these read them all, in their order or to lock them.
READ_ALL_PROVIDERS = {
    "ai_providers.active",
    "ai_providers.count",
    "ai_providers.search",
    "ai_providers.set_default",
    "ai_providers.with_interactions",
}

READ_ALL_INTERACTIONS = {"statistics.periods"}  # one of its periods has no beginning


def _statements() -> dict[str, Statement]:
    statements, problems = read_queries([ROOT / "sql"], "salacia", ROOT)
    assert [problem.render() for problem in problems] == []
    return {f"{s.group}.{s.name}": s for s in statements}


ALL = _statements()
STATEMENTS = {name: statement for name, statement in ALL.items() if not statement.optional}
INSERTS = {name for name, s in STATEMENTS.items() if s.sql.startswith("insert")}


@pytest.fixture(scope="module")
def filled(databases: ScratchDatabases, template: str) -> Iterator[psycopg.Connection]:
    """A session on a database with enough rows for the planner to have a choice."""
    with (
        databases.database(template=template) as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        connection.execute(cast("LiteralString", FILL))
        connection.execute("vacuum")
        connection.prepare_threshold = None
        # Which index is best must not depend on how many rows fit into a test.
        connection.execute("set enable_seqscan = off")
        connection.execute("set max_parallel_workers_per_gather = 0")
        yield connection


def argument(name: str | None) -> object:
    if name in ARGUMENTS:
        return ARGUMENTS[name]
    if name is not None and name.startswith("set_"):
        return False
    return None


def plans(
    connection: psycopg.Connection,
    statement: Statement | Shape,
    modes: tuple[str, ...] = ("force_custom_plan", "force_generic_plan"),
    analyze: bool = False,
    **given: object,
) -> list[dict[str, Any]]:
    """Every node of the statement's plans: with its arguments known, and for any arguments."""
    parameters = sorted(statement.parameters, key=lambda p: p.number)
    values = [given[p.name] if p.name in given else argument(p.name) for p in parameters]
    call = sql.SQL("({})").format(sql.SQL(", ").join(values))
    nodes: list[dict[str, Any]] = []
    connection.execute(cast("LiteralString", f"prepare q as {statement.sql}"))
    for mode in modes:
        connection.execute(cast("LiteralString", f"set plan_cache_mode = {mode}"))
        options = "format json, analyze, buffers" if analyze else "format json"
        explain = sql.SQL("explain ({}) execute q{}")
        row = connection.execute(
            explain.format(sql.SQL(options), call if parameters else sql.SQL(""))
        ).fetchone()
        assert row is not None
        todo = [row[0][0]["Plan"]]
        while todo:
            node = todo.pop()
            nodes.append(node)
            todo += node.get("Plans", [])
    connection.execute("deallocate q")
    return nodes


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_an_index_finds_the_rows_of(filled: psycopg.Connection, name: str) -> None:
    nodes = plans(filled, STATEMENTS[name])
    used = {str(node["Index Name"]) for node in nodes if "Index Name" in node}
    assert used >= INDEXES.get(name, set())
    scanned = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    assert scanned <= ({"ai_providers"} if name in READ_ALL_PROVIDERS else set())
    assert name in READ_ALL_PROVIDERS | READ_ALL_INTERACTIONS | INSERTS | set(INDEXES)


@pytest.mark.parametrize("case", SHAPES.values(), ids=SHAPES)
def test_an_index_finds_the_rows_of_the_shape(
    filled: psycopg.Connection, case: tuple[str, dict[str, str | None], set[str]]
) -> None:
    name, given, expected = case
    nodes = plans(filled, shape(ALL[name], given.items()))
    assert {str(node["Index Name"]) for node in nodes if "Index Name" in node} >= expected
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]


def test_every_statement_with_optional_lines_is_looked_at() -> None:
    optional = {name for name, statement in ALL.items() if statement.optional}
    assert optional == {name for name, _, _ in SHAPES.values()} | {
        "ai_providers.search",
        "ai_providers.count",
    }, "providers are tens"


SERVING = set().union(*INDEXES.values(), *(indexes for _, _, indexes in SHAPES.values()))

PAGES = {
    f"{name} {given}": (name, given)
    for name in ("messages.older", "messages.newer")
    for given in ({}, {"model": None}, {"provider_id": None}, {"failed": "true"})
} | {name: (name, {}) for name in ("messages.older_by_id", "messages.newer_by_id")}


@pytest.mark.parametrize("depth", [0, 200, 15_000])
@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_page_costs_the_same_at_any_depth(
    filled: psycopg.Connection, page: tuple[str, dict[str, str | None]], depth: int
) -> None:
    """A walk to the cursor would read some hundred pages of the index on its way."""
    name, chosen = page
    order = "{at} desc" if "older" in name else "{at}"
    columns = ["id"] if name.endswith("by_id") else ["created_at", "id"]
    cursor = filled.execute(
        cast(
            "LiteralString",
            "select id, created_at from ai_interactions"
            f" order by {', '.join(order.format(at=at) for at in columns)} offset {depth} limit 1",
        )
    ).fetchone()
    assert cursor is not None
    edge = "before" if "older" in name else "after"
    given: dict[str, object] = {edge: None, f"{edge}_id": None}
    if depth:
        given = {f"{edge}_id": cursor[0], edge: cursor[1]}
    text = shape(ALL[name], chosen.items())
    top, *nodes = plans(filled, text, ("force_custom_plan",), analyze=True, **given)
    assert top["Actual Rows"] == 20
    walks = [node for node in nodes if node.get("Alias") in ("ai_interactions", "i")]
    first = next(node for node in walks if node["Actual Loops"] == 1)
    assert first["Shared Hit Blocks"] + first["Shared Read Blocks"] < 30, first
    assert not [node for node in nodes if "Bitmap" in str(node["Node Type"])]
    for node in (top, *nodes):
        if "Sort" in str(node["Node Type"]):
            assert "'Limit'" in str(node["Plans"]), "what is sorted is a page"


def test_every_index_serves_a_statement(filled: psycopg.Connection) -> None:
    rows = filled.execute(
        """
        select i.indexrelid::regclass::text
        from pg_index i
        join pg_class c on c.oid = i.indrelid
        where c.relnamespace = 'public'::regnamespace
          and not exists (select from pg_constraint where conindid = i.indexrelid)
        """
    ).fetchall()
    assert {name for (name,) in rows} <= SERVING


def test_a_constraint_s_index_that_serves_no_statement_is_known(filled: psycopg.Connection) -> None:
    rows = filled.execute(
        """
        select conname from pg_constraint c
        join pg_class t on t.oid = c.conrelid
        where conindid <> 0 and contype in ('p', 'u', 'x') and t.relname !~ 'yoyo'
          and t.relnamespace = 'public'::regnamespace
        """
    ).fetchall()
    unused = {name for (name,) in rows} - SERVING
    assert unused == {"health_checks_pkey", "system_metadata_pkey"}


def test_a_search_never_walks_the_messages_however_common_the_word(
    filled: psycopg.Connection,
) -> None:
    for word in ("yes", "word77", "nowhere", "yes nowhere", '"yes word77"', "-yes"):
        for name in ("messages.search", "messages.older", "statistics.summary"):
            nodes = plans(filled, shape(ALL[name], [("search", None)]), search=word)
            heads = [n for n in nodes if n.get("Subplan Name") == "CTE ai_interactions"]
            assert {n["Node Type"] for n in heads} == {"Bitmap Heap Scan"}, (word, heads)
