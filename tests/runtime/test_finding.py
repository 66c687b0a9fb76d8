"""find, find_one and count: what a plain filter in Python would give, in one clean statement."""

import asyncio
import logging
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from books import SCHEMA, Author, Book, Mood, Odd, authors, books, odd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from library import ORDERED, TEXTS, conditions, holds, in_order, plain, shelves
from msgspec import Struct

from salacia_db.postgres.scratch import ScratchDatabases
from salacia_db.runtime import (
    BoolColumn,
    Column,
    Condition,
    Database,
    DeadlineExceeded,
    InvalidArgument,
    InvalidStatement,
    InvalidValue,
    Secret,
    Table,
    UnitOfWork,
    UsageError,
)
from salacia_db.runtime.finding import finder

BOOKS = [
    Book(1, 1, "Alpha", 100, Decimal("9.5"), True, Mood.CALM, Secret("k1"), {"a": 1}),
    Book(2, 1, "Beta", 200, Decimal(3), False, Mood.WILD, None, [1, 2]),
    Book(3, None, None, None, None, None, None, None, None),
]
Db = Database[UnitOfWork]


@pytest.fixture
async def db(databases: ScratchDatabases) -> AsyncIterator[Db]:
    """A database with three books."""
    with databases.database() as url:
        await make_tables(url)
        async with Db(url, timeout=20) as opened:
            await fill(opened, BOOKS)
            yield opened


async def make_tables(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(SCHEMA)
    await connection.execute("insert into authors values (1, 'Ann'), (2, 'Bob'), (3, null)")
    await connection.close()


async def fill(queries: Db | UnitOfWork, rows: list[Book]) -> None:
    for row in rows:
        values = [plain(getattr(row, name)) for name in Book.__struct_fields__]
        sql = "insert into books values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        await queries.execute(sql, *values)


async def ids(db: Db, where: Condition) -> list[int]:
    return [book.id for book in await db.find(Book, where=where, order_by=books.id)]


# --- laws -----------------------------------------------------------------------------------------


def orders() -> st.SearchStrategy[list[tuple[Column[Any], bool, bool]]]:
    """Columns, whether downwards, whether NULL comes first."""
    return st.lists(st.tuples(st.sampled_from(ORDERED), st.booleans(), st.booleans()), max_size=3)


def test_find_and_count_are_what_python_finds(databases: ScratchDatabases) -> None:
    small = st.none() | st.integers(0, 5)

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(shelves(), st.none() | conditions(), orders(), small, small)
    def claim(
        rows: list[Book],
        where: Condition | None,
        by: list[tuple[Column[Any], bool, bool]],
        limit: int | None,
        offset: int | None,
    ) -> None:
        there = [row for row in rows if where is None or holds(where, row)]
        expected = in_order(there, by)
        order_by = [
            turned.nulls_first() if first else turned.nulls_last()
            for column, downwards, first in by
            for turned in [column.desc() if downwards else column.asc()]
        ]
        order_by.append(books.id.asc())

        async def found() -> None:
            async with db.unit_of_work() as uow:
                await fill(uow, rows)
                sliced = await uow.find(
                    Book, where=where, order_by=order_by, limit=limit, offset=offset
                )
                first = await uow.find_one(Book, where=where, order_by=order_by)
                assert await uow.count(Book, where=where) == len(expected)
                await uow.rollback()
            stop = None if limit is None else (offset or 0) + limit
            assert sliced == expected[offset or 0 : stop]
            assert first == (expected[0] if expected else None)

        runner.run(found())

    with databases.database() as url, asyncio.Runner() as runner:
        runner.run(make_tables(url))
        db = runner.run(Db(url).open())
        try:
            claim()
        finally:
            runner.run(db.close())


HOSTILE = st.one_of(TEXTS, st.text(), st.sampled_from(["' or 1=1 --", "$1", "\\", "%s", '"; drop']))


@given(HOSTILE, HOSTILE, st.lists(HOSTILE), st.integers(0))
def test_no_value_changes_the_statement(one: str, two: str, many: list[str], limit: int) -> None:
    def asked(a: str, b: str, several: list[str]) -> Condition:
        return ~((odd.a_b == a) | odd.a_b.like(b)) & odd.a_b.in_(several) & (odd.a_b < b)

    def statement(where: Condition, limit: int) -> tuple[object, list[Any]]:
        source = finder.source_of(Odd)
        return finder.request(source, "find", where, odd.a_b.desc(), limit, limit)

    plain_statement, _ = statement(asked("x", "y", []), 1)
    hostile, values = statement(asked(one, two, many), limit)
    assert hostile is plain_statement
    assert values == [one, two, many, two, limit, limit]


@given(conditions(), conditions())
def test_conditions_share_a_statement_where_their_text_is_the_same(
    one: Condition, other: Condition
) -> None:
    source = finder.source_of(Book)
    first, second = (finder.request(source, "find", where)[0] for where in (one, other))
    assert (first is second) == (first.sql == second.sql)


def test_only_so_many_texts_are_kept() -> None:
    source = finder.source_of(Book)
    often = finder.request(source, "find", books.id == 1)[0]
    for number in range(600):
        where = books.id == 0
        for bit in range(10):
            where = where & (books.pages.isnull() if number >> bit & 1 else books.pages.notnull())
        finder.request(source, "find", where)
        assert finder.request(source, "find", books.id == number)[0] is often
    assert len(finder.statements) <= 512


# --- what is found --------------------------------------------------------------------------------


async def test_rows_are_the_table_s_structs(db: Db) -> None:
    assert await db.find(Book, order_by=books.id) == BOOKS
    assert await db.find_one(Book, where=books.id == 2) == BOOKS[1]
    assert await db.find_one(Book, where=books.id == 9) is None
    assert await db.count(Book) == 3


async def test_values_are_converted_as_arguments_are(db: Db) -> None:
    assert await ids(db, books.mood == Mood.WILD) == [2]
    assert await ids(db, books.mood.in_([Mood.WILD, Mood.CALM])) == [1, 2]
    assert await ids(db, books.code == Secret("k1")) == [1]
    assert await ids(db, books.code.in_(["k1", Secret("k2")])) == [1]
    assert await ids(db, books.data == {"a": 1}) == [1]
    assert await ids(db, books.data.in_([[1, 2], {"a": 1}])) == [1, 2]
    assert await ids(db, books.price.between(Decimal(3), Decimal(4))) == [2]


async def test_a_boolean_column_is_a_condition(db: Db) -> None:
    assert await ids(db, books.sold) == [1]
    assert await ids(db, ~books.sold) == [2]
    assert await ids(db, books.sold | books.pages.isnull()) == [1, 3]


async def test_names_with_quotes_are_quoted(db: Db) -> None:
    await db.execute('insert into "odd ""table" values (1, \'x\')')
    found = await db.find(Odd, where=odd.a_b == "x", order_by=odd.a_b.desc())
    assert found == [Odd(1, "x")]


async def test_several_thousand_values_are_one_parameter(db: Db) -> None:
    assert await ids(db, books.id.in_(range(2, 5000))) == [2, 3]
    assert await ids(db, books.id.in_([])) == []
    assert await ids(db, ~books.id.in_([])) == [1, 2, 3]


# --- how it runs ----------------------------------------------------------------------------------


async def test_a_proven_read_leaves_the_connection_clean(db: Db) -> None:
    statement, _ = finder.request(finder.source_of(Book), "find", books.id == 1)
    assert statement.read_only
    assert statement.clean
    doubtful, _ = finder.request(finder.source_of(Odd), "find", None)
    assert not doubtful.clean


async def test_one_column_in_doubt_is_enough() -> None:
    class Word(Struct):
        text: str

    class WordsTable(Table[Word]):
        text = Column[str]("text", proven=False)

    words = WordsTable("words", Word, "public", "words", proven=True)
    source = finder.source_of(Word)
    assert finder.request(source, "find", None)[0].clean
    assert not finder.request(source, "find", words.text == "a")[0].clean
    assert not finder.request(source, "find", None, words.text)[0].clean


async def test_the_deadline_holds(db: Db) -> None:
    async with Db(db.settings.url, timeout=0.3) as hasty, db.unit_of_work() as uow:
        await uow.execute("lock table books")
        with pytest.raises(DeadlineExceeded, match=r"books\.find"):
            await hasty.find(Book)


async def test_a_find_sees_what_its_unit_of_work_wrote(db: Db) -> None:
    async with db.unit_of_work() as uow:
        await uow.execute("delete from books where id = 3")
        assert await uow.count(Book) == 2
        assert await db.count(Book) == 3
        assert await uow.find_one(Book, where=books.id == 3) is None


async def test_a_find_is_logged_by_its_name(db: Db, caplog: pytest.LogCaptureFixture) -> None:
    async with Db(db.settings.url, log_statements=True) as logged:
        with caplog.at_level(logging.INFO, "salacia_db.statements"):
            await logged.count(Book, where=books.code == Secret("hush"))
    assert "books.count" in caplog.text
    assert "hush" not in caplog.text


# --- mistakes -------------------------------------------------------------------------------------


async def test_a_value_of_the_wrong_type_is_named_by_its_column(db: Db) -> None:
    with pytest.raises(InvalidArgument, match=r"argument pages is a str") as caught:
        await db.find(Book, where=books.pages == "hush")  # type: ignore[arg-type]
    assert "hush" not in str(caught.value)


async def test_what_the_server_refuses_is_told(db: Db) -> None:
    with pytest.raises(InvalidValue, match="LIKE pattern"):
        await db.find(Book, where=books.title.like("\\"))
    await db.execute("alter table books drop column data")
    with pytest.raises(InvalidStatement, match="data"):
        await db.find(Book)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: (books.id == 1) and (books.pages == 2), "combine conditions with &"),
        (lambda: 1 < books.id < 3, "`between` for a chain"),
        (lambda: not books.sold, "combine conditions with &"),
        (lambda: (books.id == 1) & True, "combined with a bool: put each comparison in brackets"),
        (lambda: books.id == 1 | books.sold, "combined with a int|unsupported|a value only"),
        (lambda: books.pages < None, "ask for NULL by `isnull"),
        (lambda: books.pages.between(None, 1), "ask for NULL"),
        (lambda: books.pages.in_([1, None]), "ask for NULL"),
        (lambda: books.title.in_("abc"), "takes a list of values"),
        (lambda: books.title.like(3), "takes a text, not a int"),
        (lambda: books.pages == books.id, "with a value only"),
        (lambda: Column[object]("tags", listed=False).in_([1]), "compare with each"),
    ],
)
def test_conditions_that_mean_nothing_are_refused(ask: Any, words: str) -> None:
    with pytest.raises((UsageError, TypeError), match=words):
        ask()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"where": authors.name == "Ann"}, "name is a column of another table than books"),
        ({"order_by": authors.name}, "name is a column of another table than books"),
        ({"where": False}, "takes a condition, not a bool"),
        ({"order_by": "id"}, "takes columns"),
        ({"limit": -1}, "`limit` has to be a whole number"),
        ({"limit": True}, "`limit` has to be a whole number"),
        ({"offset": 1.5}, "`offset` has to be a whole number"),
        ({"limit": "1; drop table books"}, "`limit` has to be a whole number"),
    ],
)
async def test_a_find_that_means_nothing_is_refused(
    db: Db, asked: dict[str, Any], words: str
) -> None:
    with pytest.raises((UsageError, InvalidArgument), match=words):
        await db.find(Book, **asked)


async def test_a_condition_beyond_all_measure_is_refused(db: Db) -> None:
    deep: Condition = books.sold
    for _ in range(5000):
        deep = ~deep
    wide: Condition = books.sold
    for _ in range(5000):
        wide = wide & books.sold
    for where in (deep, wide):
        with pytest.raises(UsageError, match="too many parts"):
            await db.find(Book, where=where)


async def test_only_a_table_s_struct_can_be_found(db: Db) -> None:
    class Stranger(Struct):
        id: int

    with pytest.raises(UsageError, match="Stranger is no struct of a table"):
        await db.find(Stranger)


def test_no_repr_shows_a_value() -> None:
    secret = (books.code == "hush") | ~books.title.in_(["hush"])
    assert "hush" not in f"{secret!r} {books.code!r} {books!r} {BoolColumn('x')!r}"


async def test_authors_have_a_struct_without_a_builder(db: Db) -> None:
    assert await db.find(Author, where=authors.name.ilike("b%")) == [Author(2, "Bob")]
