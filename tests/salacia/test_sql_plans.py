"""Each statement of sql/ has an index that serves it, and no index is there without a statement."""

import datetime as dt
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString, cast

import psycopg
import pytest
from psycopg import sql

import salacia
from salacia_db import runtime
from salacia_db.codegen.facts import Statement
from salacia_db.codegen.source import read_queries
from salacia_db.codegen.source.optional import Shape, shape
from salacia_db.postgres.scratch import ScratchDatabases
from salacia_db.runtime import Row, Session

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
    "older_than": NOW - dt.timedelta(minutes=1),
    "created_at": NOW,
    "database_status": True,
    "id": PROVIDER,
    "ids": [uuid.UUID(int=n) for n in (3, 4)],
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
    "min_tokens": 1_000_000,
    "max_tokens": 10,
    "type": "openai",
    "until": NOW,
    "after_xid": "1",
    "after_id": 1,
}

# What finds the rows of each statement. Statements that only insert are left out: they are looked
# at for what their conflicts and foreign keys need, which constraints serve by themselves.
INDEXES = {
    "ai_interactions.get": {"ai_interactions_pkey"},
    "ai_interactions.get_with_provider": {"ai_interactions_pkey", "ai_providers_pkey"},
    "ai_interactions.with_providers": {"ai_interactions_model_idx", "ai_providers_pkey"},
    "ai_interactions.of_providers": {"ai_interactions_provider_id_idx"},
    "ai_interactions.complete": {"ai_interactions_pkey"},
    "ai_interactions.delete": {"ai_interactions_pkey"},
    "ai_interactions.export": {"ai_interactions_created_at_idx"},
    "ai_providers.get": {"ai_providers_pkey"},
    "ai_providers.get_by_name": {"ai_providers_name_key"},
    "ai_providers.get_default": {"ai_providers_one_default"},
    "ai_providers.delete": {"ai_providers_pkey"},
    "ai_providers.with_interactions": {"ai_interactions_provider_id_idx", "ai_interactions_pkey"},
    "api_requests.get": {"api_requests_pkey"},
    "api_requests.answer": {"api_requests_pkey"},
    "api_requests.delete": {"api_requests_pkey"},
    "api_requests.recent": {"api_requests_pkey"},
    "health_checks.get": {"health_checks_pkey"},
    "health_checks.annotate": {"health_checks_pkey"},
    "health_checks.delete": {"health_checks_pkey"},
    "health_checks.latest": {"health_checks_created_at_idx"},
    "health_checks.recent_unhealthy": {"health_checks_unhealthy_idx"},
    "message_events.first_of_latest": {"message_events_pkey"},
    "message_events.settled": {"message_events_pkey", "ai_interactions_pkey", "ai_providers_pkey"},
    "messages.forward": {"ai_interactions_pkey", "ai_providers_pkey"},
    "messages.get": {"ai_interactions_pkey", "ai_providers_pkey"},
    "statistics.hourly": {"interaction_summaries_span_idx"},
    "statistics.periods": {"interaction_summaries_span_idx", "ai_interactions_created_at_idx"},
    "statistics.top_models": {"interaction_summaries_span_idx", "ai_interactions_created_at_idx"},
    "upkeep.forget_interactions": {"ai_interactions_created_at_idx", "ai_interactions_pkey"},
    "upkeep.forget_requests": {"api_requests_pkey"},
    "upkeep.forget_checks": {"health_checks_created_at_idx", "health_checks_pkey"},
    "upkeep.forget_events": {"message_events_pkey"},
    "upkeep.forget_summaries": {"interaction_summaries_span_idx"},
    "system_metadata.get": {"system_metadata_key_key"},
    "system_metadata.delete": {"system_metadata_key_key"},
    "system_metadata.with_prefix": {"system_metadata_key_key"},
}

_OF_MESSAGES = "messages.search"
_BY_TIME = "ai_interactions_created_at_idx"

# The same for statements whose lines are optional, by what is given beside what is always: the
# planner sees only the filters in use.
FILTERS: list[tuple[dict[str, str | None], str]] = [
    ({"since": None}, _BY_TIME),
    ({"model": None}, "ai_interactions_model_idx"),
    ({"model": None, "since": None, "until": None}, "ai_interactions_model_idx"),
    ({"provider_id": None}, "ai_interactions_provider_id_idx"),
    ({"failed": "true"}, "ai_interactions_failed_idx"),
    ({"search": None}, "ai_interactions_words_idx"),
    ({"search": None, "model": None, "failed": "false"}, "ai_interactions_words_idx"),
]
SHAPES: dict[str, tuple[str, dict[str, str | None], set[str]]] = {
    # A period's rows may be found by skipping over an index that begins with something else, too.
    **{
        f"figures of {given}": ("statistics.summary", given, {index} - {_BY_TIME})
        for given, index in FILTERS
    },
    "uptime until now": ("health_checks.uptime", {}, {"health_checks_created_at_idx"}),
    "uptime of a period": (
        "health_checks.uptime",
        {"until": None},
        {"health_checks_created_at_idx"},
    ),
    "an overview": ("statistics.overview", {}, INDEXES["statistics.periods"]),
    "a change": ("ai_providers.update", {"name": None}, {"ai_providers_pkey"}),
}

# Providers are tens: these read them all, in their order or to lock them.
READ_ALL_PROVIDERS = {
    "ai_providers.active",
    "ai_providers.count",
    "ai_providers.search",
    "ai_providers.set_default",
    "ai_providers.switch",
    "ai_providers.with_interactions",
}

# Or by functions of their own.
READ_NOTHING = {
    "health_checks.ping",
    "message_events.horizon",
    "upkeep.fold",
    "upkeep.recount",
    "upkeep.sort_words",
}

# What is not folded into the summaries yet; the upkeep keeps it small.
READ_ALL_CHANGES = {"statistics.hourly", "statistics.periods", "statistics.top_models"}


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
    allowed = {"ai_providers"} if name in READ_ALL_PROVIDERS else set[str]()
    allowed |= {"interaction_changes"} if name in READ_ALL_CHANGES else set()
    assert scanned <= allowed
    assert name in READ_ALL_PROVIDERS | READ_NOTHING | INSERTS | set(INDEXES)


@pytest.mark.parametrize("case", SHAPES.values(), ids=SHAPES)
def test_an_index_finds_the_rows_of_the_shape(
    filled: psycopg.Connection, case: tuple[str, dict[str, str | None], set[str]]
) -> None:
    name, given, expected = case
    nodes = plans(filled, shape(ALL[name], given.items()))
    assert {str(node["Index Name"]) for node in nodes if "Index Name" in node} >= expected
    scanned = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    assert scanned <= {"interaction_changes"}


# Each filter that finds rows scattered over the table.
COVERED: dict[str, str | None] = {
    "min_tokens": None,
    "max_tokens": None,
    "min_response_time_ms": None,
    "max_response_time_ms": None,
    "model": None,
    "provider_id": None,
    "failed": "true",
}


@pytest.mark.parametrize("beside", [{}, {"model": None, "max_tokens": None}], ids=str)
@pytest.mark.parametrize("name", COVERED)
def test_figures_come_from_the_index_that_finds_their_rows(
    filled: psycopg.Connection, name: str, beside: dict[str, str | None]
) -> None:
    given = {name: COVERED[name], **beside}
    with filled.transaction(force_rollback=True):
        # So few rows may be fetched for nothing; what would be looked up in the table is seen so.
        filled.execute("set local enable_bitmapscan = off")
        nodes = plans(filled, shape(ALL["statistics.summary"], given.items()))
    assert {n["Node Type"] for n in nodes if n.get("Alias") == "i"} == {"Index Only Scan"}


def test_every_statement_with_optional_lines_is_looked_at() -> None:
    optional = {name for name, statement in ALL.items() if statement.optional}
    assert optional == {name for name, _, _ in SHAPES.values()} | {
        "ai_providers.search",
        "ai_providers.count",
        _OF_MESSAGES,
    }, "providers are tens, and pages of messages are looked at below"


ORDERS = {
    "newest": "ai_interactions_created_at_idx",
    "oldest": "ai_interactions_created_at_idx",
    "id": "ai_interactions_pkey",
    "id_descending": "ai_interactions_pkey",
    "model": "ai_interactions_model_idx",
    "model_descending": "ai_interactions_model_idx",
    "most_tokens": "ai_interactions_total_tokens_idx",
    "fewest_tokens": "ai_interactions_total_tokens_idx",
    "slowest": "ai_interactions_response_time_ms_idx",
    "fastest": "ai_interactions_response_time_ms_idx",
}
PAGES: dict[str, tuple[dict[str, Any], str]] = {
    **{order: ({"sort": order}, index) for order, index in ORDERS.items()},
    **{
        f"newest with {given}": (
            {name: ARGUMENTS.get(name, value == "true") for name, value in given.items()},
            index,
        )
        for given, index in FILTERS
        if "search" not in given
    },
}
SEARCHES: list[dict[str, Any]] = [
    {"search": "word77"},
    {"search": "word77", "model": "model-17", "failed": False, "sort": "most_tokens"},
]


SERVING = set().union(
    *INDEXES.values(), *(indexes for _, _, indexes in SHAPES.values()), ORDERS.values()
)


class Recorded(Session):
    """Keeps the statement that a page would run, with its arguments, and gives no rows."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.plan: dict[str, Any] = {}
        self.rows: list[Row] = []

    async def fetch(self, statement: runtime.Statement, *args: Any) -> list[Row]:
        text = cast("LiteralString", f"prepare page as {statement.sql}")
        call = sql.SQL("({})").format(sql.SQL(", ").join(args)) if args else sql.SQL("")
        self.connection.execute(text)
        try:
            explain = sql.SQL("explain (analyze, buffers, format json) execute page{}")
            row = self.connection.execute(explain.format(call)).fetchone()
            assert row is not None
            self.plan = row[0][0]["Plan"]
            run = self.connection.execute(sql.SQL("execute page{}").format(call))
            return cast("list[Row]", run.fetchall())
        finally:
            self.connection.execute("deallocate page")


def nodes_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for inner in plan.get("Plans", []) for node in nodes_of(inner))]


def touched(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.mark.parametrize("case", PAGES.values(), ids=PAGES)
async def test_a_page_far_behind_is_found_by_the_index_that_finds_the_first(
    filled: psycopg.Connection, case: tuple[dict[str, Any], str]
) -> None:
    given, index = case
    filled.execute("set plan_cache_mode = force_custom_plan")
    session = Recorded(filled)
    messages = salacia.messages.MessagesQueries(session)
    page = await messages.search(**given)
    used = [node.get("Index Name") for node in nodes_of(session.plan)]
    assert index in used
    first = touched(session.plan)
    for _ in range(3):
        far = await messages.search(**given, limit=2_000, after=page.next)
        if far.next is None:
            break
        page = await messages.search(**given, after=far.next)
        nodes = nodes_of(session.plan)
        assert index in [node.get("Index Name") for node in nodes]
        assert not [node for node in nodes if "Bitmap" in str(node["Node Type"])]
        assert touched(session.plan) <= 2 * first + 10


@pytest.mark.parametrize("given", SEARCHES, ids=str)
async def test_a_search_begins_with_its_words(
    filled: psycopg.Connection, given: dict[str, Any]
) -> None:
    session = Recorded(filled)
    page = await salacia.messages.MessagesQueries(session).search(**given, limit=1)
    nodes = nodes_of(session.plan)
    assert "ai_interactions_words_idx" in [node.get("Index Name") for node in nodes]
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
    assert len(page) == 1


async def test_a_page_by_number_reads_only_its_own_rows_whole(filled: psycopg.Connection) -> None:
    session = Recorded(filled)
    page = await salacia.messages.MessagesQueries(session).search_numbered(page=500)
    assert len(page) == 20
    looked_up = [n for n in nodes_of(session.plan) if n.get("Index Name") == "ai_interactions_pkey"]
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in looked_up) == 20


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
    assert unused == {"system_metadata_pkey"}


async def test_a_search_never_walks_the_messages_however_common_the_word(
    filled: psycopg.Connection,
) -> None:
    session = Recorded(filled)
    for word in ("yes", "word77", "nowhere", "yes nowhere", '"yes word77"', "-yes"):
        await salacia.messages.MessagesQueries(session).search(search=word)
        figures = plans(filled, shape(ALL["statistics.summary"], [("search", None)]), search=word)
        for nodes in (nodes_of(session.plan), figures):
            heads = [n for n in nodes if n.get("Subplan Name") == "CTE ai_interactions"]
            assert {n["Node Type"] for n in heads} == {"Bitmap Heap Scan"}, (word, heads)
            assert {n["Node Type"] for n in nodes if n.get("Alias") == "i"} == {"CTE Scan"}


async def test_previews_are_made_of_the_page_s_messages_only(filled: psycopg.Connection) -> None:
    # Where the order needs a sort, making them of all that match would read all their JSON.
    session = Recorded(filled)
    await salacia.messages.MessagesQueries(session).search(search="yes")
    kinds = [node["Node Type"] for node in nodes_of(session.plan)]
    assert kinds.index("Result") < kinds.index("Sort"), "above the sort"
