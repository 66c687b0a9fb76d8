"""Pages: every row once, in order, in both directions, whatever happens beside."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from items import Database
from msgspec import UNSET

from salacia_db.runtime import InvalidArgument, InvalidCursor, Key, Paged, UsageError, When
from salacia_db.runtime.pages import cursor
from salacia_db.texts import Position

TABLE = """
create table entry (id int primary key, kind text, size int, rate numeric, at timestamptz not null);
create index on entry (kind, id);
create index on entry (size desc nulls last, id);
"""
Entry = tuple[int, str | None, int | None]

COLUMNS = {"kind": True, "size": True, "rate": True, "at": False}


def paged(keys: Iterable[Key]) -> Paged:
    return Paged(
        "entries.list",
        head=(),
        select=("select id, kind, size",),
        source=("from entry",),
        filter=(" true", When(1, "\n  and size >= ", 0)),
        orders={None: tuple(keys)},
        parameters=("size",),
        optional={"size": 1},
        read_only=True,
        clean=True,
    )


ID = Key(("id",))
BY_SIZE = paged([Key(("size",), descending=True, nullable=True), ID])


def build(rows: Iterable[tuple]) -> list[Entry]:
    return [tuple(row) for row in rows]


async def read(entries: Paged, db: Database, size: object = None, **how: object):
    how = {"limit": 3, "after": None, "before": None, "total": False, **how}
    return await entries.page(db.session, (size,), build, **how)


MOST_PAGES = 100


async def walk(entries: Paged, db: Database, limit: int, *, backwards: bool = False) -> list[Entry]:
    """All rows, by the cursors of the pages. What doesn't end fails."""
    found: list[Entry] = []
    page = await read(entries, db, limit=limit)
    if backwards:
        for _ in range(MOST_PAGES):
            if page.next is None:
                break
            page = await read(entries, db, limit=limit, after=page.next)
    for _ in range(MOST_PAGES):
        found = [*page, *found] if backwards else [*found, *page]
        beside = page.previous if backwards else page.next
        if beside is None:
            return found
        way = "before" if backwards else "after"
        page = await read(entries, db, limit=limit, **{way: beside})
    raise AssertionError("the walk doesn't end")


async def fill(connection: asyncpg.Connection, rows: Sequence[tuple]) -> None:
    await connection.execute("truncate entry")
    await connection.executemany(
        "insert into entry values ($1, $2, $3, $4, to_timestamp($5))",
        [(index, *row) for index, row in enumerate(rows)],
    )


@pytest.fixture
async def entries(bystander: asyncpg.Connection) -> asyncpg.Connection:
    await bystander.execute(TABLE)
    return bystander


_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]),
        st.one_of(st.none(), st.integers(0, 3)),
        st.one_of(st.none(), st.decimals(0, 2, places=1), st.just(Decimal("NaN"))),
        st.integers(0, 3),
    ),
    max_size=25,
)
_KEYS = st.lists(
    st.tuples(st.sampled_from(list(COLUMNS)), st.booleans(), st.booleans()),
    max_size=3,
    unique_by=lambda key: key[0],
).flatmap(lambda keys: st.tuples(st.just(keys), st.booleans()))


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=_ROWS, order=_KEYS, limit=st.integers(1, 6))
def test_a_walk_meets_every_row_once_in_order_both_ways(walking, rows, order, limit):
    walking(rows, order, limit)


@pytest.fixture
def walking(url: str):
    """Runs one walk after another on one event loop."""
    loop = asyncio.new_event_loop()

    async def begin():
        connection = await asyncpg.connect(url)
        await connection.execute(TABLE)
        return connection, await Database(url).open()

    connection, db = loop.run_until_complete(begin())

    async def one(rows, order, limit):
        await fill(connection, rows)
        terms, descending = order
        keys = [Key((name,), down, first, COLUMNS[name]) for name, down, first in terms]
        keys.append(Key(("id",), descending))
        text = ", ".join(f"{key.items[0]}{key.direction}" for key in keys)
        expected = [
            tuple(row)
            for row in await connection.fetch(f"select id, kind, size from entry order by {text}")
        ]
        made = paged(keys)
        assert await walk(made, db, limit) == expected
        assert await walk(made, db, limit, backwards=True) == expected

    yield lambda *what: loop.run_until_complete(one(*what))
    loop.run_until_complete(db.close())
    loop.run_until_complete(connection.close())
    loop.close()


@pytest.mark.parametrize("limit", [1, 4])
async def test_rows_that_stay_are_met_once_whatever_happens_beside(db, entries, limit):
    await fill(entries, [(None, n % 5 if n % 3 else None, None, 0) for n in range(40)])
    stays = [n for n in range(40) if n % 2]
    found: list[int] = []
    page = await read(BY_SIZE, db, limit=limit)
    fresh = 100
    while True:
        found += [row[0] for row in page]
        if page.next is None:
            break
        # Rows come, go and move, on both sides of where the walk is.
        await entries.execute(
            "update entry set size = 9 - coalesce(size, 0) where id % 2 = 0 and id % 3 = 1"
        )
        await entries.execute("delete from entry where id = $1", fresh - 100)
        await entries.execute(
            "insert into entry values ($1, null, $2, null, now())", fresh, fresh % 7
        )
        fresh += 2
        page = await read(BY_SIZE, db, limit=limit, after=page.next)
    assert sorted(n for n in found if n in stays) == stays


async def test_a_page_knows_what_lies_beside_it(db, entries):
    await fill(entries, [(None, n, None, 0) for n in range(5)])
    first = await read(BY_SIZE, db, limit=2, total=True)
    assert [row[2] for row in first] == [4, 3]
    assert (first.has_previous, first.has_next, first.total) == (False, True, 5)
    assert first.previous is None
    second = await read(BY_SIZE, db, limit=2, after=first.next)
    assert [row[2] for row in second] == [2, 1]
    assert (second.has_previous, second.has_next, second.total) == (True, True, None)
    last = await read(BY_SIZE, db, limit=2, after=second.next, total=True)
    assert [row[2] for row in last] == [0]
    assert (last.has_next, last.next, last.total) == (False, None, 5)
    back = await read(BY_SIZE, db, limit=2, before=last.previous)
    assert back.items == second.items
    begin = await read(BY_SIZE, db, limit=9, before=second.previous)
    assert begin.items == first.items
    assert (begin.has_previous, begin.previous) == (False, None)


async def test_each_row_has_a_cursor(db, entries):
    await fill(entries, [(None, n % 2, None, 0) for n in range(6)])
    page = await read(BY_SIZE, db, limit=6)
    for index, item in enumerate(page.items):
        place = page.cursor(item)
        assert page.cursors()[index] == place
        behind = await read(BY_SIZE, db, limit=6, after=place)
        assert behind.items == page.items[index + 1 :]
        before = await read(BY_SIZE, db, limit=6, before=place)
        assert before.items == page.items[:index]
    with pytest.raises(ValueError, match="no item of the page"):
        page.cursor((1, None, None))


async def test_an_empty_page_leads_back_to_all_that_is_left(db, entries):
    await fill(entries, [(None, n, None, 0) for n in range(4)])
    first = await read(BY_SIZE, db, limit=2)
    await entries.execute("delete from entry where size < 2")
    empty = await read(BY_SIZE, db, limit=2, after=first.next)
    assert (empty.items, empty.next) == ([], None)
    again = await read(BY_SIZE, db, limit=2, before=empty.previous)
    assert again.items == first.items


async def test_no_rows_are_an_empty_page_with_a_total(db, entries):
    page = await read(BY_SIZE, db, total=True)
    assert (page.items, page.total, page.next, page.previous) == ([], 0, None, None)
    numbered = await BY_SIZE.numbered(db.session, (None,), build, page=1, limit=3)
    assert (numbered.items, numbered.total, numbered.pages) == ([], 0, 0)
    assert (numbered.has_next, numbered.has_previous) == (False, False)


async def test_pages_by_number(db, entries):
    await fill(entries, [(None, n, None, 0) for n in range(7)])
    for number, sizes in {1: [6, 5, 4], 2: [3, 2, 1], 3: [0], 4: []}.items():
        page = await BY_SIZE.numbered(db.session, (None,), build, page=number, limit=3)
        assert [row[2] for row in page] == sizes
        assert (page.total, page.pages, page.page) == (7, 3, number)
        assert (page.has_next, page.has_previous) == (number < 3, number > 1)


async def test_a_total_comes_with_rows_whose_last_key_is_null(db, entries):
    await fill(entries, [(None, None, None, 0), (None, 1, None, 0)])
    by_id = paged([ID, Key(("size",), nullable=True)])
    page = await read(by_id, db, total=True)
    assert ([row[0] for row in page], page.total) == ([0, 1], 2)
    numbered = await by_id.numbered(db.session, (None,), build, page=1, limit=3)
    assert [row[0] for row in numbered] == [0, 1]


async def test_a_filter_holds_for_the_page_and_its_total(db, entries):
    await fill(entries, [(None, n, None, 0) for n in range(6)])
    page = await read(BY_SIZE, db, size=3, limit=2, total=True)
    assert ([row[2] for row in page], page.total) == ([5, 4], 3)
    rest = await read(BY_SIZE, db, size=3, limit=2, after=page.next)
    assert [row[2] for row in rest] == [3]


async def test_a_cursor_is_bound_to_its_query_order_and_filter(db, entries):
    await fill(entries, [(None, n, None, 0) for n in range(6)])
    found = (await read(BY_SIZE, db, size=1)).next
    assert found is not None
    with pytest.raises(InvalidCursor, match="another filter"):
        await read(BY_SIZE, db, size=2, after=found)
    with pytest.raises(InvalidCursor, match="another filter"):
        await read(BY_SIZE, db, size=UNSET, before=found)
    other = paged([ID])
    ids = (await read(other, db, size=1)).next
    with pytest.raises(InvalidCursor):
        await read(BY_SIZE, db, size=1, after=ids)


async def test_a_cursor_does_not_survive_another_order_under_the_same_name(db, entries):
    await fill(entries, [(None, n, None, 0) for n in range(6)])
    found = (await read(BY_SIZE, db)).next
    for keys in ([Key(("id",)), Key(("size",), nullable=True)], [BY_SIZE._orders[None][0], ID]):
        changed = paged(keys)
        if keys[0].descending:
            assert (await read(changed, db, after=found)).items
            continue
        with pytest.raises(InvalidCursor):
            await read(changed, db, after=found)


@pytest.mark.parametrize("value", [2**70, "\ud800", [2**70, "x"]])
async def test_a_filter_that_the_server_refuses_is_its_error(db, entries, value):
    await fill(entries, [(None, n, None, 0) for n in range(6)])
    with pytest.raises(InvalidArgument, match="argument size"):
        await read(BY_SIZE, db, size=value)
    assert cursor.digest(value) == cursor.digest(value) != cursor.digest(1)


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_a_damaged_cursor_is_told_as_such(data):
    belongs = cursor.digest("q", 1)
    good = cursor.encode(belongs, (1, None, "x"), inclusive=False)
    assert cursor.decode(good, belongs, "q", "after") == ((1, None, "x"), False)
    at = data.draw(st.integers(0, len(good) - 1))
    letter = data.draw(st.characters(max_codepoint=300))
    bad = good[:at] + letter + good[at + 1 :]
    if bad == good:
        return
    if at == len(good) - 1 and _decoded(bad, belongs) == ((1, None, "x"), False):
        return  # the last letter holds bits that belong to nothing
    with pytest.raises(InvalidCursor, match="q: `after`") as raised:
        cursor.decode(bad, belongs, "q", "after")
    assert raised.value.parameter == "after"


def _decoded(text: str, belongs: bytes) -> object:
    try:
        return cursor.decode(text, belongs, "q", "after")
    except InvalidCursor:
        return None


@pytest.mark.parametrize("text", ["", "x", "é", "A" * 10_000, "AAAA", "=" * 8, b"AAAA", 5])
async def test_what_is_no_cursor_is_refused(db, entries, text):
    with pytest.raises(InvalidCursor):
        await read(BY_SIZE, db, after=text)


async def test_a_forged_cursor_gives_no_more_than_the_query(db, entries):
    await fill(entries, [(None, n, None, 0) for n in range(3)])
    page = await read(BY_SIZE, db, limit=1)
    belongs = BY_SIZE._belongs((None,), 0, None)
    assert page.next == cursor.encode(belongs, (2, 2), inclusive=False)
    for keys in [("x", 1), (1, None), (1,), (1, 2, 3), ("1; drop table entry", 1)]:
        forged = cursor.encode(belongs, keys, inclusive=False)
        with pytest.raises(InvalidCursor):
            await read(BY_SIZE, db, after=forged)


async def test_bad_arguments_say_so(db, entries):
    with pytest.raises(UsageError, match="`after` or `before`"):
        await read(BY_SIZE, db, after="a", before="b")
    for limit in (0, -1, "5", 2.0, None):
        with pytest.raises(InvalidArgument, match="`limit` has to be an int, 1 or more"):
            await read(BY_SIZE, db, limit=limit)
    with pytest.raises(InvalidArgument, match="`page` has to be an int, 1 or more"):
        await BY_SIZE.numbered(db.session, (None,), build, page=0, limit=3)


async def test_a_page_in_a_unit_of_work_sees_its_rows(db, entries):
    async with db.unit_of_work() as uow:
        await uow.connection()
        await uow.execute("insert into entry values (1, null, 5, null, now())")
        page = await BY_SIZE.page(
            uow.session, (None,), build, limit=1, after=None, before=None, total=True
        )
        assert (page.items, page.total) == ([(1, None, 5)], 1)


async def test_a_page_far_behind_costs_no_more_than_the_first(db, entries):
    await entries.execute(
        "insert into entry"
        " select n, null, case when n % 3 > 0 then n * 7 % 1000 end, null, now()"
        " from generate_series(1, 110000) n"
    )
    await entries.execute("vacuum analyze entry")
    last = await entries.fetchrow(
        "select size, id from entry order by size desc nulls last, id offset 99999 limit 1"
    )
    assert last is not None
    nulls = (None, 100_000)
    first = await buffers(entries, None, (None, None))
    for keys in (tuple(last), nulls):
        for backwards in (False, True):
            assert await buffers(entries, keys, keys, backwards=backwards) <= 2 * first


async def buffers(
    connection: asyncpg.Connection, keys: tuple | None, values: tuple, *, backwards: bool = False
) -> int:
    """The pages of memory that reading a page of 20 rows touches."""
    position = None if keys is None else Position(tuple(key is not None for key in keys))
    shape = BY_SIZE._shape((0, None, backwards, position, False, False))
    (row,) = await connection.fetch(
        f"explain (analyze, buffers, format json) {shape.statement.sql}",
        *shape.pick((None, *values, 21)),
    )
    plan = json.loads(row[0])[0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
