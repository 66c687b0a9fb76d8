"""Types that the driver has to look up: once for all connections of a database."""

import asyncio

import pytest
from cutting_proxy import CuttingProxy
from items import Database

from salacia_db.runtime import Statement
from salacia_db.runtime.connections.extensions import KnownTypes

SCHEMA = """
create type mood as enum ('calm', 'wild');
create type place as (x int, mood mood);
create domain code as text check (value <> '');
create extension citext;
create extension ltree;
"""
MOODS = Statement("all.moods", "select $1::mood, array['calm'::mood], 'a'::code")
PLACES = Statement("all.places", "select array[row(1, 'wild')::place], 'A'::citext, 'a.b'::ltree")


@pytest.fixture
async def typed(connect, proxy: CuttingProxy) -> Database:
    db: Database = await connect(url=proxy.url, pool_max=2)
    await db.execute(SCHEMA)
    return db


async def on_two_connections(db: Database, *statements: Statement) -> list[object]:
    """What one connection gives, and then what another gives in the opposite order."""
    found: list[object] = []
    async with db.unit_of_work() as first, db.unit_of_work() as second:
        for unit, order in ((first, statements), (second, statements[::-1])):
            for statement in order:
                args = ("wild",) if statement is MOODS else ()
                found.append(tuple(*await unit.session.fetch(statement, *args)))
    return found


def asking(proxy: CuttingProxy) -> list[bytes]:
    asked: list[bytes] = []
    proxy.rule = lambda data: asked.append(data) if b"typeinfo_tree" in data else None
    return asked


async def test_a_type_is_looked_up_once_for_all_connections(
    typed: Database, proxy: CuttingProxy
) -> None:
    asked = asking(proxy)
    found = await on_two_connections(typed, MOODS, PLACES)
    assert found[:2] == found[:1:-1]
    assert found[0] == ("wild", ["calm"], "a")
    assert found[1] == ([(1, "wild")], "A", "a.b")
    # By the first connection, which prepares the question once.
    assert len(asked) == 1


async def test_a_type_that_changes_is_looked_up_anew(typed: Database, bystander) -> None:
    await on_two_connections(typed, PLACES)
    await bystander.execute("alter type place add attribute y text")
    sql = "select array[row(1, 'wild', 'new')::place]"
    statement = Statement("all.wider", sql, read_only=True, clean=True)
    found = await asyncio.gather(*(typed.session.fetchrow(statement) for _ in range(2)))
    assert [tuple(row) for row in found if row] == [([(1, "wild", "new")],)] * 2


def test_nothing_is_kept_where_the_server_may_be_another() -> None:
    known = KnownTypes()
    first = known.of("one")
    assert known.of("one") is first
    assert known.of("two") is not first
    assert known.of(None) is not known.of(None)
