"""The dashboard is what a plain count of the rows says: in any snapshot, whoever commits when."""

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import psycopg
import pytest
from by_hand import INTERACTION, insert, value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from psycopg import errors
from test_sql_statistics import summary

import salacia
from salacia_db.postgres.scratch import ScratchDatabases

FOLD = "select fold_interaction_changes($1)"
INSERT = """
insert into ai_interactions
  (provider_id, model, error, status_code, total_tokens, response_time_ms, created_at, request)
values ($1, $2, $3, $4, $5, $6, $7, '{}') returning id::text
"""
CHANGE = """
update ai_interactions
set provider_id = $1, model = $2, error = $3, status_code = $4, total_tokens = $5,
    response_time_ms = $6, created_at = $7
where id::text = any($8)
"""
COLUMNS = (
    *("provider_id", "model", "error", "status_code", "total_tokens", "response_time_ms"),
    "created_at",
)
ROWS = """
select created_at, model, provider_id, error, status_code, total_tokens, response_time_ms
from ai_interactions
"""
# Each side of each edge there is: of the periods, of minutes, of hours, of days.
AGES = [
    *(timedelta(seconds=seconds) for seconds in (-130, 0, 1, 45, 290, 299.9, 300.2, 330)),
    *(timedelta(hours=1, seconds=seconds) for seconds in (-1, 0, 1, 1800)),
    *(timedelta(hours=hours) for hours in (2, 22.9, 23.1)),
    *(timedelta(hours=24, seconds=seconds) for seconds in (-61, -1, 1, 61)),
    *(timedelta(days=days) for days in (2, 2.4, 29, 31, 62, 800)),
]


class Row(Struct, frozen=True):
    """What the figures know of an interaction."""

    created_at: datetime
    model: str
    provider_id: object
    error: str | None
    status_code: int | None
    total_tokens: int | None
    response_time_ms: int | None


class Writer:
    """A connection with a transaction, and the rows that it has changed in it."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self.transaction: Any = None
        self.made: list[str] = []
        self.claimed: set[str] = set()
        self.recounts = False

    async def begin(self) -> None:
        if self.transaction is None:
            self.transaction = self.connection.transaction()
            await self.transaction.start()

    async def end(self, committed: list[str], *, commit: bool) -> None:
        if self.transaction is None:
            return
        await (self.transaction.commit() if commit else self.transaction.rollback())
        if commit:
            committed += self.made
        self.transaction, self.made, self.claimed, self.recounts = None, [], set(), False


class World:
    """Writers whose transactions overlap, readers that hold their snapshots, upkeep in between."""

    def __init__(self, db: salacia.Database, writers: list[Writer], dice: random.Random) -> None:
        self.db, self.writers, self.dice = db, writers, dice
        self.providers: list[Any] = []
        self.committed: list[str] = []
        self.now = datetime.now(UTC)

    def figures(self) -> tuple[Any, ...]:
        dice = self.dice
        error, status = dice.choice(
            [(None, 200), (None, 500), ("e", 200), ("e", None), (None, None)]
        )
        return (
            dice.choice([None, *self.providers]),
            dice.choice("abc"),
            error,
            status,
            dice.choice([None, 0, 7]),
            dice.choice([None, 0, 9]),
            self.now - dice.choice(AGES),
        )

    def free(self, writer: Writer) -> list[str]:
        """Rows that this writer may change without waiting for another."""
        others = set().union(*(w.claimed for w in self.writers if w is not writer))
        mine = [*writer.made, *(row for row in self.committed if row not in others)]
        found = self.dice.sample(mine, min(len(mine), self.dice.randrange(1, 4)))
        writer.claimed.update(found)
        return found

    async def step(self, action: str, writer: Writer) -> None:
        connection = writer.connection
        if action in ("commit", "rollback"):
            await writer.end(self.committed, commit=action == "commit")
        elif action == "insert":
            await writer.begin()
            for _ in range(self.dice.choice([1, 1, 1, 20])):
                writer.made.append(await connection.fetchval(INSERT, *self.figures()))
        elif action == "update":
            await writer.begin()
            await connection.execute(CHANGE, *self.figures(), self.free(writer))
        elif action == "alter":
            await writer.begin()
            figures = dict(zip(COLUMNS, self.figures(), strict=True))
            column = self.dice.choice(COLUMNS)
            await connection.execute(
                f"update ai_interactions set {column} = $1 where id::text = any($2)",
                *(figures[column], self.free(writer)),
            )
        elif action == "delete":
            await writer.begin()
            await connection.execute(
                "delete from ai_interactions where id::text = any($1)", self.free(writer)
            )
        elif action == "fold":
            if self.dice.random() < 0.3:
                await writer.begin()
            await connection.fetchval(FOLD, self.dice.choice([1, 5, 100_000]))
        elif action == "recount" and not any(w.recounts for w in self.writers if w is not writer):
            writer.recounts = writer.transaction is not None
            wrong = await connection.fetchval("select recount_interactions()")
            assert wrong == 0, "there is never anything to correct"
        elif action == "forget" and all(w.transaction is None for w in self.writers):
            await connection.execute("delete from ai_providers where id = $1", self.providers.pop())
            await self.provide()
        elif action == "truncate" and all(w.transaction is None for w in self.writers):
            await connection.execute("truncate ai_interactions")
            self.committed.clear()

    async def provide(self) -> None:
        while len(self.providers) < 2:
            name = f"p{self.dice.random()}"
            made = await self.db.ai_providers.create(name=name, type="groq")
            self.providers.append(made.id)


async def compare(uow: salacia.UnitOfWork, dice: random.Random, providers: list[Any]) -> None:
    """All that the dashboard says against a count of the rows of the same snapshot."""
    rows = [Row(*row) for row in await uow.fetch(ROWS)]
    (now,) = (await uow.fetch("select now()"))[0]
    ages = (timedelta(minutes=5), timedelta(hours=24), timedelta(days=9999))
    for period, age in zip(await uow.statistics.periods(), ages, strict=True):
        expected = summary([r for r in rows if r.created_at >= now - age])  # type: ignore[arg-type]
        found = {name: getattr(period, name) for name in salacia.Summary.__struct_fields__}
        assert salacia.Summary(**found) == expected, period.period

    for point in await uow.statistics.hourly():
        expected = summary(
            [r for r in rows if point.hour <= r.created_at < point.hour + timedelta(hours=1)]  # type: ignore[misc]
        )
        assert (point.total, point.failed) == (expected.total, expected.failed)
        assert point.average_response_time_ms == expected.average_response_time_ms
        assert point.total_tokens == expected.total_tokens

    day = [r for r in rows if r.created_at >= now - timedelta(hours=24)]
    ranks = sorted(Counter(r.model for r in day).items(), key=lambda item: (-item[1], item[0]))
    top = await uow.statistics.top_models()
    assert [(m.model, m.total) for m in top] == ranks[:5]
    assert sum(m.total_tokens for m in top) == sum(r.total_tokens or 0 for r in day)

    for _ in range(4):
        filters: dict[str, Any] = {
            "since": dice.choice([None, now - dice.choice(AGES)]),
            "until": dice.choice([None, now - dice.choice(AGES)]),
            "model": dice.choice([None, "a"]),
            "provider_id": dice.choice([None, *providers]),
            "failed": dice.choice([None, True, False]),
        }
        assert await uow.statistics.overview(**filters) == summary(
            [r for r in rows if matches(r, **filters)]  # type: ignore[misc]
        ), filters
        assert await uow.statistics.overview(**filters) == await uow.statistics.summary(**filters)


def matches(row: Row, **given: Any) -> bool:
    """Whether the row passes the filters, None being none."""
    since, until, failed = given["since"], given["until"], given["failed"]
    return (
        (since is None or row.created_at >= since)
        and (until is None or row.created_at < until)
        and given["model"] in (None, row.model)
        and given["provider_id"] in (None, row.provider_id)
        and (failed is None or (row.error is not None) == failed)
    )


ACTIONS = (
    *(
        "insert",
        "insert",
        "insert",
        "update",
        "alter",
        "alter",
        "delete",
        "commit",
        "commit",
        "rollback",
    ),
    *("fold", "fold", "recount", "forget", "truncate", "look", "look", "hold"),
)


def test_the_dashboard_is_a_plain_count_in_every_snapshot(
    databases: ScratchDatabases, template: str
) -> None:
    steps = st.lists(
        st.tuples(st.sampled_from(ACTIONS), st.integers(0, 2)), min_size=20, max_size=60
    )

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps, st.integers(0, 2**32))
    def claim(steps: list[tuple[str, int]], seed: int) -> None:
        runner.run(happens(steps, seed))

    async def happens(steps: list[tuple[str, int]], seed: int) -> None:
        async with AsyncExitStack() as stack:
            db = await stack.enter_async_context(salacia.connect(url, profile="test"))
            patience = {"lock_timeout": "5s"}  # no step waits for another
            writers = [Writer(await asyncpg.connect(url, server_settings=patience)) for _ in "abc"]
            for writer in writers:
                stack.push_async_callback(writer.connection.close)
            world = World(db, writers, random.Random(seed))
            await world.provide()
            held: list[salacia.UnitOfWork] = []
            for action, number in steps:
                if action in ("look", "hold") and len(held) < 3:
                    unit = db.unit_of_work(isolation="repeatable read", read_only=True)
                    uow = await unit.__aenter__()
                    await uow.fetch("select 1")  # its snapshot
                    held.append(uow)
                if action != "hold" and action != "truncate":
                    await world.step(action, writers[number])
                if action == "look":
                    uow = held.pop(world.dice.randrange(len(held)))
                    await compare(uow, world.dice, world.providers)
                    await uow.__aexit__(None, None, None)
            for uow in held:
                await compare(uow, world.dice, world.providers)
                await uow.__aexit__(None, None, None)
            await world.step("truncate", writers[0])
            for writer in writers:
                await writer.end(world.committed, commit=True)
            async with db.unit_of_work(isolation="repeatable read") as uow:
                await compare(uow, world.dice, world.providers)
            await writers[0].connection.fetchval(FOLD, 100_000)
            async with db.unit_of_work(isolation="repeatable read") as uow:
                await compare(uow, world.dice, world.providers)
                wrong = "select count(*) from (values (1), (60), (1440), (44640)) m (n) where" + (
                    " (select coalesce(sum(total), 0) from interaction_summaries where minutes = n)"
                    " <> (select count(*) from ai_interactions)"
                )
                assert (await uow.fetch(wrong))[0][0] == 0
            await db.execute("truncate ai_interactions")
            await db.execute("delete from ai_providers")

    with databases.database(template=template) as url, asyncio.Runner() as runner:
        claim()


def test_rows_that_were_there_before_are_counted_by_the_migration(
    databases: ScratchDatabases, template: str
) -> None:
    from pathlib import Path

    from salacia_db.postgres.migrations.migrator import Migrator

    with (
        databases.database(template=template) as url,
        psycopg.connect(url, autocommit=True) as session,
    ):
        migrator = Migrator(url, Path(__file__).parents[2] / "migrations")
        migrator.down(to="0008_message_orders")
        for _ in range(3):
            insert(session, "ai_interactions", INTERACTION)
        migrator.up()
        insert(session, "ai_interactions", INTERACTION)
        assert (
            value(session, "select sum(total) from interaction_summaries where minutes = 60") == 3
        )
        figures = "select sum(total) from interaction_figures('-infinity', 'infinity')"
        assert value(session, figures) == 4
        session.execute("truncate ai_interactions")
        assert value(session, figures) is None


def test_what_was_changed_behind_its_back_is_counted_anew(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as session:
        for n in range(5):
            insert(session, "ai_interactions", INTERACTION | {"total_tokens": n})
        session.execute("select fold_interaction_changes()")
        session.execute("set session_replication_role = replica")
        session.execute("delete from ai_interactions where total_tokens = 4")
        insert(session, "ai_interactions", INTERACTION | {"model": "new"})
        session.execute("reset session_replication_role")
        assert value(session, "select recount_interactions()") == 2
        assert value(session, "select recount_interactions()") == 0
        found = session.execute(
            "select model, sum(total), sum(total_tokens)"
            " from interaction_figures('-infinity', 'infinity') group by 1 order by 1"
        ).fetchall()
        assert found == [("m", 4, 6), ("new", 1, 0)]
        session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(errors.ActiveSqlTransaction), session.transaction():
            session.execute("select recount_interactions()")


def test_a_change_that_no_figure_sees_costs_no_change(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as session:
        insert(session, "ai_interactions", INTERACTION)
        session.execute("""update ai_interactions set response = '{"completion": "later"}'""")
        assert value(session, "select count(*) from interaction_changes") == 1


async def test_a_deleted_provider_has_no_figures(db: salacia.Database) -> None:
    provider = await db.ai_providers.create(name="p", type="groq")
    await db.ai_interactions.create(model="m", request={}, provider_id=provider.id)
    assert (await db.statistics.overview(provider_id=provider.id)).total == 1
    await db.ai_providers.delete(id=provider.id)
    assert (await db.statistics.overview(provider_id=provider.id)).total == 0
    assert (await db.statistics.overview()).total == 1


def test_a_fold_waits_for_nobody_and_nobody_for_it(url: str) -> None:
    with psycopg.connect(url) as folding, psycopg.connect(url, autocommit=True) as other:
        other.execute("set lock_timeout = '1s'")
        insert(other, "ai_interactions", INTERACTION)
        assert value(folding, "select fold_interaction_changes()") == 1
        insert(other, "ai_interactions", INTERACTION)
        other.execute("update ai_interactions set total_tokens = 5")
        assert value(other, "select fold_interaction_changes()") == 0, "one at a time"
        other.execute("delete from ai_interactions")
        folding.commit()
        # Both came, both got their tokens, both went.
        assert value(other, "select fold_interaction_changes()") == 7
        assert value(other, "select count(*) from interaction_summaries where total <> 0") == 0


def test_those_who_record_need_no_right_to_the_figures(url: str) -> None:
    with psycopg.connect(url) as session:
        session.execute("create role recorder")
        session.execute("grant insert, update, select on ai_interactions to recorder")
        session.execute("set local role recorder")
        session.execute("create temp table interaction_changes (like public.ai_interactions)")
        session.execute("set local search_path = ''")
        insert(session, "public.ai_interactions", INTERACTION)
        session.execute("update public.ai_interactions set total_tokens = 3")
        for call in ("fold_interaction_changes()", "recount_interactions()"):
            with pytest.raises(errors.InsufficientPrivilege), session.transaction():
                session.execute(f"select public.{call}".encode())
        session.execute("reset role")
        assert value(session, "select count(*) from public.interaction_changes") == 3
        session.rollback()
