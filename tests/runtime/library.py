"""Random books and conditions, and what PostgreSQL must make of them, in plain Python."""

import re
from collections.abc import Iterable
from functools import reduce
from operator import and_, or_
from typing import Any

from books import Book, Mood, books
from hypothesis import strategies as st

from salacia_db.runtime import Condition, Secret
from salacia_db.runtime.finding.columns import BoolColumn, Column
from salacia_db.runtime.finding.conditions import Combination, Comparison, Not

TEXTS = st.text("aAb%_\\'\"$1;-", max_size=4)
NUMBERS = st.integers(-3, 3)
PRICES = st.decimals(-2, 2, places=1)
MOODS = st.sampled_from(list(Mood))
JSON = st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.lists(st.integers(0, 1)), TEXTS)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "id": st.integers(1, 8),
    "author_id": st.integers(1, 3),
    "title": TEXTS,
    "pages": NUMBERS,
    "price": PRICES,
    "sold": st.booleans(),
    "mood": MOODS,
    "code": TEXTS,
}
ORDERED = [books.id, books.author_id, books.title, books.pages, books.price, books.mood]


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def shelves(draw: st.DrawFn, authors: st.SearchStrategy[Any] | None = None) -> list[Book]:
    """Some books, without a NULL in the key alone."""
    values = {name: optional(strategy) for name, strategy in VALUES.items() if name != "id"}
    values["author_id"] = values["author_id"] if authors is None else authors
    values["code"] = optional(TEXTS.map(Secret))
    # JSON's null is not SQL's, but to Python they are the same.
    values["data"] = JSON.filter(lambda value: value is not None)
    count = draw(st.integers(0, 6))
    return [
        Book(id=number, **draw(st.fixed_dictionaries(values))) for number in range(1, count + 1)
    ]


@st.composite
def comparisons(draw: st.DrawFn) -> Condition:
    """One column and values."""
    name = draw(st.sampled_from(list(VALUES)))
    column: Column[Any] = getattr(books, name)
    values = VALUES[name]
    ways = ["==", "!=", "<", "<=", ">", ">=", "between", "in", "isnull", "notnull", "is", "isnot"]
    if name in ("title", "code"):
        ways += ["like", "ilike"]
    if isinstance(column, BoolColumn) and draw(st.booleans()):
        return column
    way = draw(st.sampled_from(ways))
    if way == "between":
        return column.between(draw(values), draw(values))
    if way == "in":
        return column.in_(draw(st.lists(values, max_size=3)))
    if way in ("like", "ilike"):
        pattern = draw(TEXTS.filter(lambda text: not re.search(r"(?<!\\)(\\\\)*\\$", text)))
        return getattr(column, way)(pattern)
    if way in ("isnull", "notnull"):
        return getattr(column, way)()
    if way in ("is", "isnot"):
        return column == None if way == "is" else column != None  # noqa: E711
    value = draw(values)
    comparison = {
        "==": lambda: column == value,
        "!=": lambda: column != value,
        "<": lambda: column < value,
        "<=": lambda: column <= value,
        ">": lambda: column > value,
        ">=": lambda: column >= value,
    }
    return comparison[way]()


def conditions() -> st.SearchStrategy[Condition]:
    """Comparisons, combined at random."""

    def larger(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        several = st.lists(inner, min_size=2, max_size=3)
        return st.one_of(
            several.map(lambda parts: reduce(and_, parts)),
            several.map(lambda parts: reduce(or_, parts)),
            inner.map(lambda part: ~part),
        )

    return st.recursive(comparisons(), larger, max_leaves=6)


def holds(condition: Condition, book: Book) -> bool | None:
    """What PostgreSQL says of a row; None for NULL."""
    if isinstance(condition, Combination):
        found = [holds(part, book) for part in condition.parts]
        decisive = condition.operator == "or"
        return decisive if decisive in found else None if None in found else not decisive
    if isinstance(condition, Not):
        found = holds(condition.part, book)
        return None if found is None else not found
    if isinstance(condition, BoolColumn):
        return getattr(book, condition.field)
    assert isinstance(condition, Comparison)
    value = plain(getattr(book, condition.column.field))
    return compared(value, condition.operator, condition.values)


def plain(value: Any) -> Any:
    """A value that Python orders as PostgreSQL does; an enum's order is that of its labels."""
    return value.reveal() if isinstance(value, Secret) else value


def compared(value: Any, operator: str, values: tuple[Any, ...]) -> bool | None:
    if operator in ("null", "not null"):
        return (value is None) == (operator == "null")
    if operator == "in" and not values[0]:
        return False
    if value is None:
        return None
    match operator:
        case "=":
            return value == values[0]
        case "<>":
            return value != values[0]
        case "<":
            return value < values[0]
        case "<=":
            return value <= values[0]
        case ">":
            return value > values[0]
        case ">=":
            return value >= values[0]
        case "between":
            return values[0] <= value <= values[1]
        case "in":
            return value in values[0]
    return like(value, values[0], ignoring_case=operator == "ilike")


def like(text: str, pattern: str, *, ignoring_case: bool) -> bool:
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    regex = "".join(wild.get(part) or re.escape(part.removeprefix("\\") or part) for part in parts)
    flags = re.DOTALL | (re.IGNORECASE if ignoring_case else 0)
    return re.fullmatch(regex, text, flags) is not None


def in_order(found: Iterable[Book], orders: list[tuple[Column[Any], bool, bool]]) -> list[Book]:
    """Rows by (column, whether downwards, whether NULL comes first), then by id."""
    rows = sorted(found, key=lambda book: book.id)
    for column, downwards, nulls_first in reversed(orders):
        there = [book for book in rows if getattr(book, column.field) is not None]
        lacking = [book for book in rows if getattr(book, column.field) is None]
        there.sort(key=lambda book: getattr(book, column.field), reverse=downwards)
        rows = [*lacking, *there] if nulls_first else [*there, *lacking]
    return rows
