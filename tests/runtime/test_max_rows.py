"""Results have a limit where one is wanted, and nothing is cut off in silence."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from books import Author, AuthorRelations, authors
from items import ALL, LIST, XID, Database
from test_finding import BOOKS, Db, fill, make_tables

from salacia_db import ConfigurationError, TooManyRows
from salacia_db.postgres.scratch import ScratchDatabases
from salacia_db.runtime import Batch, Statement

RAISE_EACH = Statement(
    "items.raise_each",
    f"-- items.raise_each\nupdate item set amount = amount + 1 returning {ALL}",
    clean=True,
    tracked=f"-- items.raise_each\nupdate item set amount = amount + 1 returning {ALL}, {XID}",
)


@pytest.fixture(params=["plain", "measured"])
async def db(request: pytest.FixtureRequest, connect) -> Database:
    opened = await connect(max_rows=3, measure=request.param == "measured")
    await opened.execute("insert into item (id, name) select n, n from generate_series(1, 3) n")
    return opened


async def test_as_many_as_are_allowed_are_given(db: Database):
    assert len(await db.items.list()) == 3
    async with db.unit_of_work() as uow:
        assert len(await uow.items.list()) == 3


async def test_more_are_refused_by_the_name_of_the_query(db: Database):
    await db.items.insert(4)
    with pytest.raises(TooManyRows, match=r"^items.list: more than 3 rows, .* :stream or a :page"):
        await db.items.list()
    # Nothing is lost by it: the connection, the unit of work.
    async with db.unit_of_work() as uow:
        with pytest.raises(TooManyRows) as caught:
            await uow.items.list()
        assert (caught.value.statement, caught.value.limit) == ("items.list", 3)
        await uow.items.delete(4)
        assert len(await uow.items.list()) == 3
    assert len(await db.items.list()) == 3
    assert len(db.pool.connections) == 1


async def test_what_writes_is_done_and_told_as_a_whole(db: Database):
    await db.items.insert(4)
    assert len(await db.session.fetch(RAISE_EACH)) == 4
    async with db.unit_of_work() as uow:
        assert len(await uow.session.fetch(RAISE_EACH)) == 4
        made = await uow.items.unnest_many((n, f"n{n}", 0, None) for n in range(10, 20))
        assert len(made) == 10
    assert await db.fetchval("select sum(amount) from item") == 8


async def test_streams_single_rows_and_batches_have_no_limit(db: Database):
    await db.items.insert(4)
    assert [item.id async for item in db.items.stream()] == [1, 2, 3, 4]
    row = await db.session.fetchrow(LIST)
    assert row is not None
    shared = Statement(
        "items.name",
        "-- items.name\nselect name from item where id = $1",
        parameters=("id",),
        read_only=True,
        clean=True,
        batch=Batch(
            Statement(
                "items.name",
                "-- items.name\nselect name, n from unnest($1::int[]) with ordinality as c (id, n) "
                "join item using (id)",
                read_only=True,
                clean=True,
            ),
            size=16,
        ),
    )
    found = await asyncio.gather(
        *(db.session.batched.fetchrow(shared, n) for n in [1, 2, 3, 4] * 3)
    )
    assert [row and row[0] for row in found] == ["1", "2", "3", "item 4"] * 3


@pytest.fixture
async def library(databases: ScratchDatabases) -> AsyncIterator[Db]:
    with databases.database() as url:
        await make_tables(url)
        async with Db(url, max_rows=2) as opened:
            await fill(opened, BOOKS)
            yield opened


async def test_what_is_found_and_loaded_has_the_limit_too(library: Db):
    assert len(await library.find(Author, where=authors.id <= 2)) == 2
    await library.execute("insert into authors values (7, 'Eve')")
    with pytest.raises(TooManyRows, match="more than 2 rows"):
        await library.find(Author)
    assert len(await library.find(Author, limit=2)) == 2
    await library.execute("update books set author_id = 1")
    with pytest.raises(TooManyRows, match="more than 2 rows"):
        await AuthorRelations(library.session).load_books([Author(1, "Ann")])


@pytest.mark.parametrize("most", [0, -1])
def test_no_row_at_all_is_no_limit(most: int):
    with pytest.raises(ConfigurationError, match="max_rows must be at least 1, or None"):
        Database("postgresql://", max_rows=most)
