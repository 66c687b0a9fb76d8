"""Relations: the rows that keys lead to, as a loop in Python would find them, by one statement."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from books import Author, AuthorRelations, Book, BookRelations, Tag, authors, books, tags
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from library import conditions, holds, in_order, shelves
from test_finding import BOOKS, Db, fill, make_tables

from salacia_db.postgres.scratch import ScratchDatabases
from salacia_db.runtime import Condition, InvalidArgument, NotFound, Statement, UsageError
from salacia_db.runtime.pooled import PooledSession

ANN, BOB, NOBODY = Author(1, "Ann"), Author(2, "Bob"), Author(3, None)


class CountingSession(PooledSession):
    """Counts its round trips."""

    __slots__ = ("count",)

    def __init__(self, database: Db) -> None:
        super().__init__(database)
        self.count = 0

    async def fetch(self, statement: Statement, *args: Any) -> list[tuple[Any, ...]]:
        self.count += 1
        return await super().fetch(statement, *args)


@pytest.fixture
async def db(databases: ScratchDatabases) -> AsyncIterator[Db]:
    """A database with three books, two of them with tags."""
    with databases.database() as url:
        await make_tables(url)
        async with Db(url, timeout=20) as opened:
            await fill(opened, BOOKS)
            await opened.execute("insert into tags values ('new'), ('old'), ('odd')")
            await opened.execute(
                "insert into book_tags values (1, 'new'), (1, 'old'), (1, 'odd'), (2, 'odd')"
            )
            yield opened


@pytest.fixture
def session(db: Db) -> CountingSession:
    return CountingSession(db)


def test_loaders_find_what_a_loop_finds(databases: ScratchDatabases) -> None:
    everybody = [ANN, BOB, NOBODY]
    given_authors = st.lists(st.sampled_from(everybody), max_size=5)
    some = st.none() | st.integers(1, 3)

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        shelves(authors=some),
        given_authors,
        st.none() | conditions(),
        st.booleans(),
        st.none() | st.integers(0, 3),
    )
    def claim(
        rows: list[Book],
        asked: list[Author],
        where: Condition | None,
        downwards: bool,
        limit: int | None,
    ) -> None:
        by = [(books.title, downwards, True)]
        title = books.title.desc() if downwards else books.title.asc()
        there = in_order((row for row in rows if where is None or holds(where, row)), by)
        expected = [
            [row for row in there if row.author_id == author.id][:limit] for author in asked
        ]
        people = {author.id: author for author in everybody}

        async def found() -> None:
            async with db.unit_of_work() as uow:
                await fill(uow, rows)
                session = uow.session
                many = await AuthorRelations(session).load_books(
                    asked, where=where, order_by=[title.nulls_first(), books.id], limit=limit
                )
                one = await BookRelations(session).load_author(rows)
                named = await BookRelations(session).load_author(rows, where=authors.name.notnull())
                await uow.rollback()
            assert many == expected
            wanted = [None if row.author_id is None else people[row.author_id] for row in rows]
            assert one == wanted
            assert named == [None if author == NOBODY else author for author in wanted]

        runner.run(found())

    with databases.database() as url, asyncio.Runner() as runner:
        runner.run(make_tables(url))
        db = runner.run(Db(url).open())
        try:
            claim()
        finally:
            runner.run(db.close())


async def test_a_table_between_is_passed_through(session: CountingSession) -> None:
    load_tags = BookRelations(session).load_tags
    assert await load_tags(BOOKS, order_by=tags.name) == [
        [Tag("new"), Tag("odd"), Tag("old")],
        [Tag("odd")],
        [],
    ]
    first = await load_tags(BOOKS, where=tags.name != "old", order_by=tags.name.desc(), limit=1)
    assert first == [[Tag("odd")], [Tag("odd")], []]
    assert session.count == 2


async def test_any_number_of_rows_is_one_statement(session: CountingSession) -> None:
    found = await BookRelations(session).load_author(BOOKS * 100)
    assert found == [ANN, ANN, None] * 100
    assert session.count == 1


async def test_no_key_is_no_statement(session: CountingSession) -> None:
    assert await BookRelations(session).load_author([]) == []
    assert await BookRelations(session).load_author([BOOKS[2]]) == [None]
    assert await AuthorRelations(session).load_books([]) == []
    assert session.count == 0


async def test_the_same_row_twice_has_a_list_each(session: CountingSession) -> None:
    first, second = await AuthorRelations(session).load_books([ANN, ANN])
    assert first == second
    assert first is not second


async def test_rows_may_come_from_anything_that_is_iterated_once(session: CountingSession) -> None:
    assert await BookRelations(session).load_author(iter(BOOKS)) == [ANN, ANN, None]


async def test_a_row_that_must_be_there_and_is_gone_is_told(session: CountingSession) -> None:
    load = BookRelations(session).load_certain_author
    assert await load(BOOKS[:2]) == [ANN, ANN]
    with pytest.raises(NotFound, match=r"books\.load_author: no such row"):
        await load([Book(9, 77, *[None] * 7)])


async def test_a_loader_is_read_only_and_leaves_the_session_clean(db: Db) -> None:
    async with db.unit_of_work(read_only=True) as uow:
        assert await AuthorRelations(uow.session).load_books([NOBODY]) == [[]]
    await AuthorRelations(db.session).load_books([ANN])
    assert not any(connection.dirty for connection in db.pool.connections)


async def test_mistakes_are_told_even_without_rows(session: CountingSession) -> None:
    load_books = AuthorRelations(session).load_books
    with pytest.raises(UsageError, match="name is a column of another table than books"):
        await load_books([], where=authors.name == "Ann")
    with pytest.raises(UsageError, match="name is a column of another table than books"):
        await load_books([ANN], order_by=authors.name)
    with pytest.raises(InvalidArgument, match="`limit` has to be a whole number"):
        await load_books([ANN], limit=-1)


async def test_rows_of_another_table_are_refused(session: CountingSession) -> None:
    for row in (Tag("new"), None, "Ann"):
        stranger: Any = row
        with pytest.raises(UsageError, match=r"takes rows of Author, and one of these is a \w+$"):
            await AuthorRelations(session).load_books([ANN, stranger])
    assert session.count == 0
