"""Statements of kind `:page`: each page is a statement of its own, for what is given."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import UNSET

from salacia_db.runtime.dynamic import Part, Shape, Switches, chosen_items, remember
from salacia_db.runtime.errors import InvalidArgument, InvalidCursor, UsageError
from salacia_db.runtime.pages import cursor
from salacia_db.runtime.pages.page import NumberedPage, Page
from salacia_db.runtime.session import Session
from salacia_db.runtime.statement import Row, Statement
from salacia_db.runtime.unseen import unseen
from salacia_db.texts import Item, Key, Keyset, Position, numbered

T = TypeVar("T")

_Build = Callable[[Iterable[Row]], list[T]]
# What a text depends on: bits, order, direction, position, whether with the total or by number.
_Form = tuple[int, str | None, bool, Position | None, bool, bool]


class Paged:
    """A statement of a generated module that gives pages.

    `head`, `select`, `source` and `filter` are the parts of a plain SELECT: what stands before it,
    up to FROM, up to WHERE, and the condition. `orders` are the keys by the value of the choice
    `sort`, or by None where there is one order. The others are as in `Dynamic`.
    """

    __slots__ = (
        "_make",
        "_orders",
        "_parameters",
        "_parts",
        "_shapes",
        "_sort",
        "_switches",
        "name",
    )

    def __init__(
        self,
        name: str,
        *,
        head: tuple[Part, ...],
        select: tuple[Part, ...],
        source: tuple[Part, ...],
        filter: tuple[Part, ...],
        orders: Mapping[str | None, tuple[Key, ...]],
        parameters: tuple[str, ...] = (),
        optional: Mapping[str, int] | None = None,
        nullable: tuple[str, ...] = (),
        choices: Mapping[str, Mapping[Any, int]] | None = None,
        read_only: bool = False,
        clean: bool = False,
        before_begin: bool = False,
        json: Any = Any,
        timeout: float | None = None,
    ) -> None:
        self.name = name
        self._parts = (head, select, source, filter)
        self._orders = orders
        self._parameters = parameters
        self._switches = Switches(name, parameters, optional, nullable, choices)
        names = [*parameters, *(choices or {})]
        self._sort = names.index("sort") if None not in orders else None
        self._shapes: dict[_Form, Shape] = {}

        def make(text: str, names: tuple[str, ...]) -> Statement:
            return Statement(
                name,
                text,
                parameters=names,
                read_only=read_only,
                clean=clean,
                before_begin=before_begin,
                json=json,
                timeout=timeout,
            )

        self._make = make

    def __repr__(self) -> str:
        return f"<Paged {self.name}>"

    @unseen
    async def page(
        self,
        session: Session,
        values: Row,
        build: _Build[T],
        *,
        limit: int,
        after: str | None,
        before: str | None,
        total: bool,
    ) -> Page[T]:
        """The rows behind a cursor, or before one; the first without either.

        Raises `InvalidCursor`, and `InvalidArgument` where `limit` is no int or less than 1.
        """
        self._at_least_one("limit", limit)
        if after is not None and before is not None:
            raise UsageError(f"{self.name}: give `after` or `before`, not both")
        backwards, given = before is not None, before if after is None else after
        form = self._form(values)
        belongs = self._belongs(values, *form)
        keys: tuple[Any, ...] | None = None
        position: Position | None = None
        if given is not None:
            keys, position = self._position(given, form[1], belongs, backwards=backwards)
        shape = self._shape((*form, backwards, position, total, False))
        statement = shape.statement
        placed = (None,) * len(self._orders[form[1]]) if keys is None else keys
        try:
            rows = await session.fetch(
                statement, *shape.pick((*self._own(values), *placed, limit + 1))
            )
        except InvalidArgument as error:
            if error.parameter != _CURSOR:
                raise
            raise self._no_cursor(backwards=backwards) from None
        counted, rows = self._counted(rows, form[1]) if total else (None, rows)
        more = len(rows) > limit
        rows = rows[:limit]
        if backwards:
            rows.reverse()
        width = -len(self._orders[form[1]])

        def encode(place: tuple[Any, ...], inclusive: bool) -> str:
            return cursor.encode(belongs, place, inclusive=inclusive)

        return Page(
            build([row[:width] for row in rows]),
            [row[width:] for row in rows],
            has_next=given is not None if backwards else more,
            has_previous=more if backwards else given is not None,
            total=counted,
            encode=encode,
            beside=keys,
        )

    @unseen
    async def numbered(
        self, session: Session, values: Row, build: _Build[T], *, page: int, limit: int
    ) -> NumberedPage[T]:
        """The page of a number, from 1 on, with the total of the same moment.

        Raises `InvalidArgument` where `page` or `limit` is no int or less than 1.
        """
        self._at_least_one("page", page)
        self._at_least_one("limit", limit)
        form = self._form(values)
        shape = self._shape((*form, False, None, True, True))
        statement = shape.statement
        nothing = (None,) * len(self._orders[form[1]])
        rows = await session.fetch(
            statement,
            *shape.pick((*self._own(values), *nothing, limit, (page - 1) * limit)),
        )
        total, rows = self._counted(rows, form[1])
        width = -len(self._orders[form[1]])
        items = build([row[:width] for row in rows])
        return NumberedPage(items, page=page, limit=limit, total=total)

    def _form(self, values: Row) -> tuple[int, str | None]:
        given = self._switches.given(values)
        return given, None if self._sort is None else values[self._sort]

    def _own(self, values: Row) -> Row:
        return values[: len(self._parameters)]

    def _belongs(self, values: Row, given: int, order: str | None) -> bytes:
        """What a cursor is bound to: the query, its order as it is written, and its filter."""
        known = [None if value is UNSET else value for value in values]
        keys = [(key.items, key.direction) for key in self._orders[order]]
        return cursor.digest(self.name, keys, given, *known)

    def _position(
        self, text: str, order: str | None, belongs: bytes, *, backwards: bool
    ) -> tuple[tuple[Any, ...], Position]:
        parameter = "before" if backwards else "after"
        keys, inclusive = cursor.decode(text, belongs, self.name, parameter)
        known = self._orders[order]
        if len(keys) != len(known) or any(
            value is None and not key.nullable for value, key in zip(keys, known, strict=True)
        ):
            raise self._no_cursor(backwards=backwards)
        return keys, Position(tuple(key is not None for key in keys), inclusive)

    def _no_cursor(self, *, backwards: bool) -> InvalidCursor:
        parameter = "before" if backwards else "after"
        return InvalidCursor(f"{self.name}: `{parameter}` is no cursor", parameter=parameter)

    def _at_least_one(self, name: str, value: object) -> None:
        # Nothing but a type checker has looked at it, and a request's may be a text.
        if not isinstance(value, int) or value < 1:
            raise InvalidArgument(
                f"{self.name}: `{name}` has to be an int, 1 or more",
                parameter=name,
                expected="integer",
            )

    def _counted(self, rows: Sequence[Row], order: str | None) -> tuple[int, list[Row]]:
        """The total, and the rows without it; there is a row even where there are none."""
        keys = self._orders[order]
        total: int = rows[0][0]
        # A key that is never NULL in a row: so there is none.
        if any(
            value is None and not key.nullable
            for value, key in zip(rows[0][-len(keys) :], keys, strict=True)
        ):
            return total, []
        return total, [row[1:] for row in rows]

    def _shape(self, form: _Form) -> Shape:
        shape = self._shapes.get(form)
        if shape is None:
            given, order, backwards, position, total, by_number = form
            head, select, source, filter_ = (
                tuple(chosen_items(parts, given)) for parts in self._parts
            )
            keys, first = self._orders[order], len(self._parameters)
            keyset = Keyset(head, select, source, filter_, keys, first)
            if backwards:
                keyset = keyset.backwards()
            items: list[Item] = (
                keyset.numbered() if by_number else keyset.page(position, total=total)
            )
            text, indexes = numbered(items)
            names = (*self._parameters, *(_CURSOR for _ in keys), "limit", "page")
            shape = Shape(self._make(text, tuple(names[i] for i in indexes)), indexes)
            remember(self._shapes, form, shape)
        return shape


_CURSOR = "the cursor"
