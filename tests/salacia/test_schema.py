"""The tables: what they refuse, what they keep up by themselves, how they come and go."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psycopg
import pytest
from by_hand import INTERACTION, PROVIDER, insert, provider, value
from psycopg import errors
from psycopg.types.json import Jsonb

from salacia_db.postgres.migrations.migrator import Migrator
from salacia_db.postgres.scratch import ScratchDatabases

MIGRATIONS = Path(__file__).parents[2] / "migrations"
TABLES = ("ai_interactions", "ai_providers", "api_requests", "health_checks", "system_metadata")

OWN = """
  select 'relation ' || relname from pg_class
  where relnamespace = 'public'::regnamespace and relname !~ 'yoyo'
  union all select 'type ' || typname from pg_type
  where typnamespace = 'public'::regnamespace and typname !~ 'yoyo'
  union all select 'function ' || oid::regprocedure from pg_proc
  where pronamespace = 'public'::regnamespace
  union all select 'trigger ' || tgname from pg_trigger where not tgisinternal
  union all select pg_get_indexdef(indexrelid) from pg_index
  where indrelid::regclass::text !~ 'yoyo' and indrelid > 16384
    and indrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
  union all select conname || ' ' || pg_get_constraintdef(oid) from pg_constraint
  where connamespace = 'public'::regnamespace and conrelid::regclass::text !~ 'yoyo'
  order by 1
"""


# --- migrations -----------------------------------------------------------------------------------


def test_every_migration_can_be_undone_and_leaves_nothing_behind(
    databases: ScratchDatabases,
) -> None:
    with databases.database() as url, psycopg.connect(url, autocommit=True) as session:
        before = session.execute(OWN).fetchall()
        names = [m.name for m in MIGRATIONS.glob("*.sql") if ".rollback." not in m.name]
        migrator = Migrator(url, MIGRATIONS)
        assert len(migrator.up()) == len(names)
        there = session.execute(OWN).fetchall()
        migrator.down(len(names))
        assert session.execute(OWN).fetchall() == before
        migrator.up()
        assert session.execute(OWN).fetchall() == there


def test_one_step_down_and_up_again_changes_nothing(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as session:
        there = session.execute(OWN).fetchall()
        migrator = Migrator(url, MIGRATIONS)
        migrator.down()
        assert session.execute(OWN).fetchall() != there
        migrator.up()
        assert session.execute(OWN).fetchall() == there


def test_every_table_and_column_says_what_it_is(session: psycopg.Connection) -> None:
    missing = session.execute(
        """
        select c.relname, a.attname
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attnum >= 0 and not a.attisdropped
          or a.attrelid = c.oid and a.attnum = -1  -- ctid, once per table, for the table itself
        where c.relname = any(%s)
          and (case when a.attnum < 0 then obj_description(c.oid, 'pg_class')
                    else col_description(c.oid, a.attnum) end) is null
        """,
        [list(TABLES)],
    ).fetchall()
    assert missing == []
    assert value(session, "select count(*) from pg_class where relname = any(%s)", [*TABLES]) == 5


def test_a_server_without_uuidv7_gets_one_that_does_the_same(session: psycopg.Connection) -> None:
    text = (MIGRATIONS / "0001_foundation.sql").read_text("utf-8")
    condition = "to_regprocedure('pg_catalog.uuidv7()') is null"
    assert condition in text
    block = text[text.index("do $$") : text.index("create function touch")]
    session.execute(block.replace(condition, "true").encode())
    made: list[uuid.UUID] = []
    for _ in range(3):
        before = time.time_ns() // 1_000_000
        made.append(session.execute("select public.uuidv7()").fetchone()[0])  # type: ignore[index]
        assert before - 1 <= made[-1].int >> 80 <= time.time_ns() // 1_000_000 + 1
        time.sleep(0.002)
    assert made == sorted(made)
    assert {(m.int >> 76 & 15, m.variant) for m in made} == {(7, uuid.RFC_4122)}
    undo = (MIGRATIONS / "0001_foundation.rollback.sql").read_text("utf-8")
    session.execute(undo[undo.index("do $$") :].encode())
    assert value(session, "select to_regprocedure('public.uuidv7()')") is None


def test_ids_made_by_the_server_sort_by_time(session: psycopg.Connection) -> None:
    ids = [provider(session, name=f"p{n}") for n in range(20)]
    assert ids == sorted(ids)
    assert {i.int >> 76 & 15 for i in ids} == {7}


# --- what the database keeps up -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("create", "update"),
    [
        (
            "insert into ai_providers (name, type) values ('a', 'groq')",
            "update ai_providers set is_active = not is_active",
        ),
        (
            "insert into system_metadata (key, value) values ('a', '1')",
            "update system_metadata set value = value",
        ),
    ],
)
def test_updated_at_moves_with_every_update_whoever_makes_it(
    session: psycopg.Connection, create: str, update: str
) -> None:
    table = update.split()[1]
    session.execute(create.encode())
    seen = [value(session, f"select updated_at from {table}")]
    for change in (update, update, f"{update}, updated_at = '2001-01-01'", update):
        session.execute(change.encode())
        seen.append(value(session, f"select updated_at from {table}"))
    assert seen == sorted(set(seen)), "one transaction, and yet each update moved it"
    assert value(session, f"select created_at = %s from {table}", seen[0]) is True


def test_updated_at_moves_even_when_the_clock_went_back(session: psycopg.Connection) -> None:
    session.execute(
        "insert into system_metadata (key, value, updated_at) values ('a', '1', '2999-1-1')"
    )
    session.execute("update system_metadata set value = '2'")
    assert value(session, "select updated_at > '2999-1-1' from system_metadata") is True


def test_a_provider_that_goes_leaves_its_interactions(session: psycopg.Connection) -> None:
    kept, gone = provider(session, "kept"), provider(session, "gone")
    for one in (kept, gone):
        session.execute(
            "insert into ai_interactions (provider_id, model, request) values (%s, 'm', '{}')",
            [one],
        )
    session.execute("delete from ai_providers where id = %s", [gone])
    moved = uuid.uuid4()
    session.execute("update ai_providers set id = %s where id = %s", [moved, kept])
    rows = session.execute("select provider_id from ai_interactions order by id").fetchall()
    assert rows == [(moved,), (None,)]


# --- one default provider -------------------------------------------------------------------------


def test_a_second_default_provider_is_refused(session: psycopg.Connection) -> None:
    provider(session, "first", is_default=True)
    provider(session, "another")
    with pytest.raises(errors.ExclusionViolation) as caught:
        provider(session, "second", is_default=True)
    assert caught.value.diag.constraint_name == "ai_providers_one_default"


@pytest.mark.parametrize("default", ["a", "b"])
def test_one_update_moves_the_default_whichever_row_comes_first(
    session: psycopg.Connection, default: str
) -> None:
    for name in ("a", "b"):
        provider(session, name, is_default=name == default)
    session.execute("update ai_providers set is_default = not is_default")
    assert value(session, "select name from ai_providers where is_default") != default


def test_a_transaction_may_have_two_defaults_until_it_commits(session: psycopg.Connection) -> None:
    provider(session, "a", is_default=True)
    session.execute("set constraints ai_providers_one_default deferred")
    provider(session, "b", is_default=True)
    with pytest.raises(errors.ExclusionViolation):
        session.execute("set constraints ai_providers_one_default immediate")


# --- what is refused ------------------------------------------------------------------------------

REQUEST = {"method": "GET", "path": "/"}
CHECK = {"status": "healthy", "database_status": True, "response_time_ms": 1}
METADATA = {"key": "k", "value": "v"}


@pytest.mark.parametrize(
    ("table", "row", "constraint"),
    [
        ("ai_providers", PROVIDER | {"name": ""}, "ai_providers_name_not_empty"),
        ("ai_providers", PROVIDER | {"type": "skynet"}, "ai_providers_type_known"),
        ("ai_providers", PROVIDER | {"models": Jsonb({})}, "ai_providers_models_are_strings"),
        ("ai_providers", PROVIDER | {"models": Jsonb("gpt")}, "ai_providers_models_are_strings"),
        ("ai_providers", PROVIDER | {"models": Jsonb(["a", 1])}, "ai_providers_models_are_strings"),
        ("ai_providers", PROVIDER | {"models": Jsonb([["a"]])}, "ai_providers_models_are_strings"),
        ("ai_providers", PROVIDER | {"models": Jsonb(None)}, "ai_providers_models_are_strings"),
        (
            "ai_providers",
            PROVIDER | {"settings": Jsonb([])},
            "ai_providers_settings_are_an_object",
        ),
        *[
            ("ai_interactions", INTERACTION | {c: -1}, f"ai_interactions_{c}_not_negative")
            for c in ("prompt_tokens", "completion_tokens", "total_tokens", "response_time_ms")
        ],
        (
            "ai_interactions",
            INTERACTION | {"provider_id": uuid.uuid4()},
            "ai_interactions_provider_id_fkey",
        ),
        *[
            ("api_requests", REQUEST | {c: -1}, f"api_requests_{c}_not_negative")
            for c in ("response_time_ms", "response_size_bytes")
        ],
        ("health_checks", CHECK | {"status": "fine"}, "health_checks_status_known"),
        (
            "health_checks",
            CHECK | {"response_time_ms": -1},
            "health_checks_response_time_ms_not_negative",
        ),
        ("system_metadata", METADATA | {"key": ""}, "system_metadata_key_not_empty"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused_by_name(
    session: psycopg.Connection, table: str, row: dict[str, object], constraint: str
) -> None:
    with pytest.raises(psycopg.IntegrityError) as caught:
        insert(session, table, row)
    assert caught.value.diag.constraint_name == constraint


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("ai_providers", PROVIDER),
        ("ai_providers", PROVIDER | {"models": Jsonb([]), "settings": Jsonb({})}),
        ("ai_providers", PROVIDER | {"models": Jsonb(["gpt-4", ""]), "name": "n" * 100}),
        ("ai_interactions", INTERACTION | {"total_tokens": 0, "response": Jsonb(None)}),
        ("api_requests", REQUEST | {"headers": Jsonb([]), "response_size_bytes": 0}),
        ("health_checks", CHECK | {"status": "degraded", "response_time_ms": 0}),
        ("system_metadata", METADATA | {"key": "k" * 255}),
    ],
)
def test_a_row_at_the_edge_of_sense_is_taken(
    session: psycopg.Connection, table: str, row: dict[str, object]
) -> None:
    insert(session, table, row)


@pytest.mark.parametrize("table", ["ai_providers", "system_metadata"])
def test_names_and_keys_are_unique(session: psycopg.Connection, table: str) -> None:
    row = PROVIDER if table == "ai_providers" else METADATA
    insert(session, table, row)
    with pytest.raises(errors.UniqueViolation):
        insert(session, table, row)


# --- races ----------------------------------------------------------------------------------------


@pytest.fixture
def providers(url: str) -> Iterator[list[uuid.UUID]]:
    with psycopg.connect(url, autocommit=True) as session:
        yield [provider(session, f"p{n}", is_default=n == 0) for n in range(10)]


async def test_two_that_make_a_provider_the_default_by_hand_leave_one_at_most(
    url: str, providers: list[uuid.UUID]
) -> None:
    move = "update ai_providers set is_default = (id = $1) where is_default or id = $1"
    first, second = await asyncio.gather(asyncpg.connect(url), asyncpg.connect(url))
    try:
        async with first.transaction():
            await first.execute(move, providers[1])
            race = asyncio.create_task(second.execute(move, providers[2]))
            await asyncio.sleep(0.1)
            assert not race.done(), "the second waits for the first"
        with pytest.raises(asyncpg.ExclusionViolationError):
            await race
        default = await first.fetch("select id from ai_providers where is_default")
        assert [row["id"] for row in default] == [providers[1]]
    finally:
        await first.close()
        await second.close()


async def test_a_race_to_insert_the_default_has_one_winner(url: str) -> None:
    sessions = await asyncio.gather(*(asyncpg.connect(url) for _ in range(5)))
    insert = "insert into ai_providers (name, type, is_default) values ($1, 'groq', true)"
    try:
        outcomes = await asyncio.gather(
            *(s.execute(insert, f"p{n}") for n, s in enumerate(sessions)), return_exceptions=True
        )
    finally:
        await asyncio.gather(*(s.close() for s in sessions))
    assert sum(outcome == "INSERT 0 1" for outcome in outcomes) == 1
    assert sum(isinstance(o, asyncpg.ExclusionViolationError) for o in outcomes) == 4
