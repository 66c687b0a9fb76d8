"""Relations: the rows that foreign keys lead to, for any number of rows in one statement."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar

from msgspec import Struct

from salacia_db.runtime.errors import NotFound, UsageError
from salacia_db.runtime.finding.columns import Column, Order
from salacia_db.runtime.finding.conditions import Condition, Shape
from salacia_db.runtime.finding.finder import OrderBy, kept, natural, note
from salacia_db.runtime.finding.tables import Source, source_of
from salacia_db.runtime.session import Session
from salacia_db.runtime.statement import Row, Statement
from salacia_db.runtime.unseen import unseen

P = TypeVar("P", bound=Struct)
S = TypeVar("S", bound=Struct)


class Link:
    """A column of the rows given, with its type in SQL, and the column that it is equal to.

    That is one of the rows loaded, or of the table between.
    """

    __slots__ = ("column", "other", "type")

    def __init__(self, column: Column[Any], type: str, other: Column[Any]) -> None:
        self.column = column
        self.type = type
        self.other = other


class Through:
    """A table between: `pairs` are columns of it, and those of the rows loaded."""

    __slots__ = ("pairs", "source")

    def __init__(self, model: type[Struct], *pairs: tuple[Column[Any], Column[Any]]) -> None:
        self.source: Source[Any] = source_of(model)
        self.pairs = pairs


class Relations:
    """The base of the generated classes that hold relations."""

    def __init__(self, session: Session) -> None:
        self._session = session


class Relation(Generic[P, S]):
    """From rows `P` to rows `S`; `label` names it in logs and errors.

    Whatever the number of rows, one statement is run, and none where no row has a key. Rows with
    the same key share it. What comes is in the order of the rows given.
    """

    __slots__ = ("_keys", "_label", "_number", "_parent", "_read", "_source", "_through")

    def __init__(
        self,
        label: str,
        parent: type[P],
        child: type[S],
        *keys: Link,
        through: Through | None = None,
    ) -> None:
        self._label = label
        self._parent = parent
        self._number = source_of(parent).number
        self._source = source_of(child)
        self._keys = keys
        self._through = through
        self._read = attrgetter(*(key.column.field for key in keys))

    async def one(
        self, session: Session, rows: Iterable[P], where: Condition | None = None
    ) -> list[S | None]:
        """For each row the one that it leads to, None where there is none (that fits `where`)."""
        keys, places = self._distinct(rows)
        found: list[S | None] = [None] * len(keys)
        for number, row in await self._load(session, keys, where, (), None):
            found[number] = row
        return [None if place is None else found[place] for place in places]

    async def required(self, session: Session, rows: Iterable[P]) -> list[S]:
        """For each row the one that it leads to. Raises `NotFound` where that is gone meanwhile."""
        found = await self.one(session, rows)
        there = [row for row in found if row is not None]
        if len(there) < len(found):
            raise NotFound(self._label)
        return there

    async def many(
        self,
        session: Session,
        rows: Iterable[P],
        where: Condition | None = None,
        order_by: OrderBy = (),
        limit: int | None = None,
    ) -> list[list[S]]:
        """For each row a list of those that it leads to, at most `limit` of each."""
        keys, places = self._distinct(rows)
        found: list[list[S]] = [[] for _ in keys]
        for number, row in await self._load(session, keys, where, order_by, limit):
            found[number].append(row)
        return [[] if place is None else list(found[place]) for place in places]

    def _distinct(self, rows: Iterable[P]) -> tuple[list[Row], list[int | None]]:
        """The keys of the rows without NULL, each once, and for each row which is its own."""
        single = len(self._keys) == 1
        columns = [key.column for key in self._keys]
        plain = not any(column.dump for column in columns)
        numbers: dict[Row, int] = {}
        places: list[int | None] = []
        for row in rows:
            if not isinstance(row, self._parent):  # pyright: ignore[reportUnnecessaryIsInstance]
                # A column of the same name would lead somewhere, too, but wrongly.
                raise UsageError(
                    f"{self._label} takes rows of {self._parent.__name__}, "
                    f"and one of these is a {type(row).__name__}"
                )
            read = self._read(row)
            key: Row = (read,) if single else read
            if None in key:
                places.append(None)
                continue
            if not plain:
                pairs = zip(columns, key, strict=True)
                key = tuple(column.dumped(value) for column, value in pairs)
            places.append(numbers.setdefault(key, len(numbers)))
        return list(numbers), places

    @unseen
    async def _load(
        self,
        session: Session,
        keys: Sequence[Row],
        where: Condition | None,
        order_by: OrderBy,
        limit: int | None,
    ) -> list[tuple[int, S]]:
        """Rows with the number of the key that leads there, those of each key in order."""
        shape: Shape = [self._number, self._label]
        values: list[Any] = [list(column) for column in zip(*keys, strict=True)]
        orders = note(shape, values, where, order_by)
        if limit is not None:
            shape.append("limit")
            values.append(natural("limit", limit))
        statement = kept(shape, lambda: self._statement(where, orders, limit is not None))
        if not keys:
            return []
        build = self._source.build
        return [(row[0] - 1, build(*row[1:])) for row in await session.fetch(statement, *values)]

    def _statement(
        self, where: Condition | None, orders: tuple[Order, ...], limited: bool
    ) -> Statement:
        from salacia_db.runtime.finding.rendering import Renderer, lateral

        renderer = Renderer(self._source)
        sql = lateral(renderer, self._keys, self._through, where, orders, limited=limited)
        return Statement(
            self._label,
            f"-- {self._label}\n{sql}",
            parameters=tuple(renderer.parameters),
            read_only=renderer.proven,
            clean=renderer.proven,
            json=self._source.json,
        )
