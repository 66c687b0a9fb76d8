"""Pages of a generated package against a plain model: the same rows, in the same order, any way."""

import asyncio
import importlib
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import asyncpg
import claims
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from salacia_db.postgres.scratch import scratch_database
from salacia_db.runtime import InvalidArgument, InvalidCursor, Page, UsageError

CLAIM = "lists_come_page_by_page"
MAKERS = {1: "Acme", 2: "acme", 3: "Ümlaut"}
MOODS = ("good", "bad")
START = datetime(2030, 1, 1, tzinfo=UTC)


class Part(NamedTuple):
    """A row of parts as it is written."""

    id: int
    maker: int | None
    mood: str | None
    size: int | None
    weight: Decimal | None
    made: datetime


class Filter(NamedTuple):
    """What a caller asks for; None where that is everything."""

    mood: str | None
    min_size: int | None
    makers: list[str] | None
    unknown: bool | None
    sort: str

    def holds(self, part: Part) -> bool:
        """Whether a part is one of those asked for."""
        return (
            (self.mood is None or part.mood == self.mood)
            and (self.min_size is None or (part.size is not None and part.size >= self.min_size))
            and (self.makers is None or MAKERS.get(part.maker or 0) in self.makers)
            and (self.unknown is None or (part.maker is None) == self.unknown)
        )


def expected(parts: Sequence[Part], wanted: Filter) -> list[int]:
    """The ids that should come."""
    keys: dict[str, Callable[[Part], Any]] = {
        "oldest": lambda p: (p.made, p.id),
        "largest": lambda p: (p.size is None, -(p.size or 0), p.id),
        "mood": lambda p: (
            -1 if p.mood is None else MOODS.index(p.mood),
            p.weight is None,
            p.weight or 0,
            -p.id,
        ),
    }
    reverse = {"newest": "oldest", "smallest": "largest"}
    found = sorted(filter(wanted.holds, parts), key=keys[reverse.get(wanted.sort, wanted.sort)])
    return [part.id for part in (found[::-1] if wanted.sort in reverse else found)]


class Shop:
    """The generated package, a database of it, and the means to use both."""

    def __init__(self, folder: Path, url: str) -> None:
        claims.run(CLAIM, folder)
        (folder / "app").rename(folder / "paged_app")
        sys.path.insert(0, str(folder))
        self.package: ModuleType = importlib.import_module("paged_app")
        sys.path.remove(str(folder))
        self.loop = asyncio.new_event_loop()
        self.connection = self.run(asyncpg.connect(url))
        self.run(self.connection.execute((folder / "schema.sql").read_text()))
        self.run(self.connection.executemany("insert into makers values ($1, $2)", MAKERS.items()))
        self.db: Any = self.run(self.package.Database(url).open())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What comes of it."""
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        """End everything."""
        self.run(self.db.close())
        self.run(self.connection.close())
        self.loop.close()

    def fill(self, parts: Sequence[Part]) -> None:
        """Have these rows and no others."""
        self.run(self.connection.execute("truncate parts"))
        sql = "insert into parts values ($1, $2, $3, $4, $5, $6)"
        self.run(self.connection.executemany(sql, parts))

    def browse(self, wanted: Filter, **how: Any) -> Page[Any]:
        """A page."""
        return self.run(self.db.parts.browse(**self._arguments(wanted), **how))

    def unload(self, wanted: Filter, file: BytesIO) -> int:
        """The ids of all pages, into a file."""
        return self.run(self.db.parts.unload(file, **self._arguments(wanted)))

    def numbered(self, wanted: Filter, **how: Any) -> Any:
        """A page by its number."""
        return self.run(self.db.parts.browse_numbered(**self._arguments(wanted), **how))

    def _arguments(self, wanted: Filter) -> dict[str, Any]:
        mood = None if wanted.mood is None else self.package.Mood(wanted.mood)
        return {**wanted._asdict(), "mood": mood}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with scratch_database() as url:
        made = Shop(tmp_path_factory.mktemp("paged"), url)
        yield made
        made.close()


PARTS = st.lists(
    st.builds(
        Part,
        id=st.just(0),
        maker=st.sampled_from([None, *MAKERS]),
        mood=st.sampled_from([None, *MOODS]),
        size=st.one_of(st.none(), st.integers(0, 3)),
        weight=st.one_of(st.none(), st.decimals(0, 1, places=1)),
        made=st.integers(0, 3).map(lambda hours: START + timedelta(hours=hours)),
    ),
    max_size=15,
).map(lambda parts: [part._replace(id=number) for number, part in enumerate(parts)])
FILTERS = st.builds(
    Filter,
    mood=st.sampled_from([None, *MOODS]),
    min_size=st.one_of(st.none(), st.integers(0, 3)),
    makers=st.one_of(st.none(), st.lists(st.sampled_from(list(MAKERS.values())), max_size=2)),
    unknown=st.sampled_from([None, True, False]),
    sort=st.sampled_from(["newest", "oldest", "largest", "smallest", "mood"]),
)
ALL = Filter(None, None, None, None, "newest")


def ids(rows: Any) -> list[int]:
    """The ids of the rows of a page."""
    return [row.p.id for row in rows]


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(parts=PARTS, wanted=FILTERS, limit=st.integers(1, 7))
def test_pages_are_those_of_the_model(
    shop: Shop, parts: list[Part], wanted: Filter, limit: int
) -> None:
    shop.fill(parts)
    model = expected(parts, wanted)

    page = shop.browse(wanted, limit=limit, total=True)
    assert page.total == len(model)
    walked, cursors = ids(page), page.cursors()
    while page.next is not None:
        page = shop.browse(wanted, limit=limit, after=page.next)
        walked, cursors = [*walked, *ids(page)], [*cursors, *page.cursors()]
    assert walked == model
    back = ids(page)
    while page.previous is not None:
        page = shop.browse(wanted, limit=limit, before=page.previous, total=True)
        assert page.total == len(model)
        back = [*ids(page), *back]
    assert back == model

    for number in range(len(model) // limit + 2):
        numbered = shop.numbered(wanted, page=number + 1, limit=limit)
        assert ids(numbered) == model[number * limit : (number + 1) * limit]
        assert (numbered.total, numbered.pages) == (len(model), -(-len(model) // limit))
    for index, place in enumerate(cursors):
        assert ids(shop.browse(wanted, limit=limit, after=place)) == model[index + 1 :][:limit]


@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(parts=PARTS, wanted=FILTERS)
def test_a_file_has_the_rows_of_all_pages(shop: Shop, parts: list[Part], wanted: Filter) -> None:
    shop.fill(parts)
    model = expected(parts, wanted)
    file = BytesIO()
    assert shop.unload(wanted, file) == len(model)
    assert file.getvalue().decode().split() == ["id", *map(str, model)]


def some(number: int) -> list[Part]:
    """So many parts, one an hour."""
    return [
        Part(n, 1 if n % 2 else None, "good", n % 3 or None, None, START + timedelta(hours=n))
        for n in range(number)
    ]


def test_rows_are_whole_with_those_that_a_join_found(shop: Shop) -> None:
    shop.fill(some(2))
    first, second = shop.browse(ALL)
    assert (first.p.id, first.m.name) == (1, "Acme")
    assert (second.p.id, second.m) == (0, None)
    assert first.p == shop.package.Part(1, 1, shop.package.Mood.GOOD, 1, None, first.p.made)


def test_a_cursor_belongs_to_its_filter_and_order(shop: Shop) -> None:
    shop.fill(some(9))
    page = shop.browse(ALL, limit=2)
    assert ids(shop.browse(ALL, limit=5, after=page.cursor(page.items[0]))) == [7, 6, 5, 4, 3]
    for other in (ALL._replace(sort="largest"), ALL._replace(mood="good")):
        with pytest.raises(InvalidCursor, match=r"^parts.browse: `after` is a cursor of another"):
            shop.browse(other, after=page.next)
    with pytest.raises(InvalidCursor):
        shop.run(shop.db.parts.near(size=1, before=page.next))
    with pytest.raises(UsageError):
        shop.browse(ALL, after=page.next, before=page.next)


def test_what_is_left_out_is_the_same_however_it_is_said(shop: Shop) -> None:
    shop.fill(some(9))
    browse = shop.db.parts.browse
    page = shop.run(browse(limit=2))
    for said in ({}, {"mood": None}, {"mood": UNSET, "min_size": UNSET, "unknown": UNSET}):
        assert ids(shop.run(browse(after=page.next, limit=2, **said))) == [6, 5]


def test_an_argument_that_does_not_fit_is_told_without_its_value(shop: Shop) -> None:
    shop.fill(some(3))
    wrong = {"limit": 2**63, "min_size": 2**40, "makers": ["\ud800"], "sort": "hottest"}
    for name, value in wrong.items():
        with pytest.raises(InvalidArgument) as raised:
            shop.run(shop.db.parts.browse(**{name: value}))
        assert raised.value.parameter == name
        assert str(value) not in str(raised.value)


def test_an_order_may_hold_a_parameter(shop: Shop) -> None:
    shop.fill(some(9))
    found: list[tuple[int, int]] = []
    after: str | None = None
    while True:
        page = shop.run(shop.db.parts.near(size=2, limit=2, after=after))
        found += [(row.id, row.size) for row in page]
        after = page.next
        if after is None:
            break
    sizes = [(part.id, part.size) for part in some(9) if part.size is not None]
    assert found == sorted(sizes, key=lambda row: (abs(row[1] - 2), row[0]))
    page = shop.run(shop.db.parts.near(size=2, limit=2))
    with pytest.raises(InvalidCursor):
        shop.run(shop.db.parts.near(size=1, after=page.next))


def test_a_row_of_one_column_is_its_value(shop: Shop) -> None:
    page = shop.run(shop.db.parts.names(limit=2))
    rows = shop.run(shop.connection.fetch("select name from makers order by name"))
    assert page.items == [row["name"] for row in rows][:2]
    assert page.cursors()[1] == page.next


def test_all_pages_of_one_moment_are_those_of_a_unit_of_work(shop: Shop) -> None:
    shop.fill(some(6))

    async def walk() -> list[int]:
        async with shop.db.unit_of_work(isolation="repeatable read") as uow:
            page = await uow.parts.browse(limit=3, total=True)
            found = ids(page)
            await shop.connection.execute("delete from parts where id < 3")
            page = await uow.parts.browse(limit=3, after=page.next, total=True)
            assert page.total == 6
            return [*found, *ids(page)]

    assert shop.run(walk()) == [5, 4, 3, 2, 1, 0]
