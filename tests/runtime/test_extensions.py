"""Types that the driver has to look up: once for all connections of a database."""

import asyncio

import pytest
from cutting_proxy import CuttingProxy, once
from items import Database

from salacia_db.runtime import SchemaChanged, Statement, retry_safe
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

MOOD = Statement("all.mood", "select $1::mood", parameters=("mood",), read_only=True, clean=True)
AGAIN = "drop type mood cascade; create type mood as enum ('wild', 'calm')"


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


async def test_an_enum_made_again_heals_on_each_connection(typed: Database, bystander) -> None:
    async def on_both() -> list[object]:
        async with typed.unit_of_work() as first, typed.unit_of_work() as second:
            return [await unit.session.fetchval(MOOD, "calm") for unit in (first, second)]

    assert await on_both() == ["calm", "calm"]
    await bystander.execute(AGAIN)
    # Outside a unit of work nobody notices, whichever connection it is.
    assert [await typed.session.fetchval(MOOD, "calm") for _ in range(3)] == ["calm"] * 3
    assert await on_both() == ["calm", "calm"]
    await bystander.execute(AGAIN)
    # In a unit, the server has ended the transaction.
    for _ in range(2):
        with pytest.raises(SchemaChanged, match=r"all\.mood: cache lookup failed") as caught:
            await on_both()
        assert retry_safe(caught.value)
    assert await on_both() == ["calm", "calm"]


@pytest.mark.parametrize("unit", [False, True])
async def test_a_type_made_again_while_it_is_looked_up_is_found(
    typed: Database, proxy: CuttingProxy, bystander, unit: bool
) -> None:
    async def look() -> object:
        if not unit:
            return await typed.session.fetchval(MOOD, "calm")
        async with typed.unit_of_work() as uow:
            return await uow.session.fetchval(MOOD, "calm")

    proxy.rule = once(b"typeinfo_tree", 0.2)
    looking = asyncio.ensure_future(look())
    await asyncio.sleep(0.1)
    await bystander.execute(AGAIN)
    assert await looking == "calm"


def test_nothing_is_kept_where_the_server_may_be_another() -> None:
    known = KnownTypes()
    first = known.of("one")
    assert known.of("one") is first
    assert known.of("two") is not first
    assert known.of(None) is not known.of(None)
