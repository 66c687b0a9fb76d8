"""Nothing that a stranger gives bends a statement: values, patterns, names of settings, cursors."""

import asyncio
import string
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from items import RENAME, SCHEMA, Database

from salacia_db import InvalidArgument, SalaciaError, UsageError
from salacia_db.postgres.scratch import ScratchDatabases
from salacia_db.runtime import UNSET, Column, Dynamic, Struct, Table, TextColumn, When
from salacia_db.runtime.units.options import Options, quote

# What has broken out of other quotes.
ATTACKS = (
    "'; drop table item; --",
    "' or '1'='1",
    "\\'; drop table item; --",
    "\\",
    "\\\\'",
    "$1",
    "$$; drop table item; $$",
    "%' or true --",
    "/*",
    "-- \n; drop table item",
    "\r\n; drop table item",
    "ʼ; drop table item; --",
    "＇; drop table item; --",
    "\u202e'; drop table item",
    '"; drop table item; --',
    "E'\\047; drop table item",
    "\x1b[2J",
)
anything = st.sampled_from(ATTACKS) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40
)


class Thing(Struct, frozen=True):
    id: int
    name: str


class ThingTable(Table[Thing]):
    id = Column[int]("id")
    name = TextColumn[str]("name")


things = ThingTable("items", Thing, "public", "item", proven=True)
SEARCH = Dynamic(
    "items.search",
    (
        "-- items.search\nselect id, name from item where true",
        When(1, " and name = ", 0),
        When(2, "\norder by name"),
        When(4, "\norder by name desc"),
    ),
    parameters=("name",),
    optional={"name": 1},
    choices={"sort": {"name": 2, "name_back": 4}},
    read_only=True,
    clean=True,
)


def run(
    databases: ScratchDatabases, law: Callable[[Database, str], Awaitable[None]], *, count: int = 80
) -> None:
    """Holds the law to be true of any text, in one database; the table is there afterwards."""
    loop = asyncio.new_event_loop()

    async def prepare(url: str) -> Database:
        connection = await asyncpg.connect(url)
        await connection.execute(SCHEMA)
        await connection.close()
        db = await Database(url).open()
        await db.items.insert(1, "other")
        return db

    with databases.database() as url:
        db = loop.run_until_complete(prepare(url))

        @settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))
        @given(anything)
        def hold(text: str) -> None:
            loop.run_until_complete(law(db, text))

        for attack in ATTACKS:
            hold = example(attack)(hold)
        try:
            hold()
            assert loop.run_until_complete(db.fetchval("select count(*) from item")) >= 1
        finally:
            loop.run_until_complete(db.close())
            loop.close()


def test_a_value_is_only_ever_a_value(databases: ScratchDatabases):
    async def law(db: Database, text: str) -> None:
        await db.execute("delete from item where id = 2")
        made = await db.items.insert(2, text or "x")
        assert made.name == (text or "x")
        statement, values = SEARCH.choose(made.name, "name_back")
        assert [row[0] for row in await db.session.fetch(statement, *values)] == [2]
        assert await db.find(Thing, where=things.name == made.name) == [Thing(2, made.name)]
        assert Thing(2, made.name) in await db.find(Thing, where=things.name.in_([text, made.name]))
        assert await db.fetchval("select count(*) from item") == 2

    run(databases, law)


def test_a_pattern_is_only_ever_a_pattern(databases: ScratchDatabases):
    async def law(db: Database, text: str) -> None:
        escaped = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        found = await db.find(Thing, where=things.name.like(escaped))
        assert [thing.name for thing in found] == [text] * (text == "other")
        failure: SalaciaError | None = None
        try:
            await db.find(Thing, where=things.name.ilike(text))
        except SalaciaError as error:
            failure = error
        # A pattern may not end in a backslash.
        assert failure is None or getattr(failure, "sqlstate", None) == "22025"

    run(databases, law)


def test_a_setting_holds_what_was_given(databases: ScratchDatabases):
    async def law(db: Database, text: str) -> None:
        async with db.unit_of_work(settings={"app.tenant": text}) as uow:
            assert await uow.fetchval("select current_setting('app.tenant')") == text
            # However strings are read.
            await uow.execute("set local standard_conforming_strings = off")
            assert await uow.fetchval(f"select {quote(text)}") == text

    run(databases, law)


@given(anything)
def test_a_setting_s_name_is_a_name(text: str):
    try:
        Options(settings={text: "x"})
    except UsageError as error:
        assert "is no name of a setting" in str(error)  # noqa: PT017 - one of two good ends
    else:
        assert set(text) <= set(string.ascii_letters + string.digits + "_$.")


@given(anything)
def test_a_sort_key_is_one_that_was_written(text: str):
    with pytest.raises(InvalidArgument):
        SEARCH.choose(UNSET, text)


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_application_may_have_any_name(url: str, name: str):
    async with Database(url, application_name=name) as db:
        shown = await db.fetchval("show application_name")
        # PostgreSQL shows what isn't ASCII as escapes, and no more than 63 bytes.
        assert shown.startswith(name[:1] if name.isascii() and name[0].isprintable() else "")
        assert await db.items.list() == []


async def test_a_nul_is_refused_everywhere(db: Database):
    await db.items.insert(1)
    calls: list[Awaitable[Any]] = [
        db.items.insert(2, "a\0b"),
        db.session.fetchrow(RENAME, 1, "\0"),
        db.find(Thing, where=things.name == "\0"),
    ]
    for call in calls:
        with pytest.raises(SalaciaError):
            await call
    with pytest.raises(UsageError, match="NUL"):
        async with db.unit_of_work(settings={"app.x": "\0"}) as uow:
            await uow.fetchval("select 1")
    assert [item.name for item in await db.items.list()] == ["item 1"]


@pytest.mark.parametrize("name", ATTACKS)
async def test_a_channel_and_a_lock_are_called_as_they_are_called(db: Database, name: str):
    await db.items.insert(1)
    async with db.listen(name) as notifications:
        await db.execute("select pg_notify($1, $2)", name, name)
        async with asyncio.timeout(10):
            heard = await anext(notifications)
        assert (heard.channel, heard.payload) == (name, name)
    async with db.unit_of_work() as uow:
        assert await uow.advisory_lock(name)
        async with db.unit_of_work() as other:
            assert not await other.advisory_lock(name, wait=False)
    assert [item.id for item in await db.items.list()] == [1]
