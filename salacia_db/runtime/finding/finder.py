"""`find`, `find_one` and `count`: rows of one table or view by conditions made in Python."""

from collections.abc import Callable, Iterable
from itertools import starmap
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from salacia_db.runtime.errors import InvalidArgument, UsageError
from salacia_db.runtime.finding.columns import Column, Order, as_order
from salacia_db.runtime.finding.conditions import Condition, Shape
from salacia_db.runtime.finding.tables import Source, source_of
from salacia_db.runtime.session import Session
from salacia_db.runtime.statement import Statement
from salacia_db.runtime.unseen import unseen

S = TypeVar("S", bound=Struct)
SessionT = TypeVar("SessionT", bound=Session)

OrderBy: TypeAlias = "Order | Column[Any] | Iterable[Order | Column[Any]]"
What: TypeAlias = Literal["find", "find_one", "count"]

_KEPT = 512
_TOO_DEEP = "a condition has too many parts: `in_` takes any number of values"


class Finds(Protocol):
    """Rows of any table or view of the package, by conditions made in Python."""

    async def find(
        self,
        model: type[S],
        *,
        where: Condition | None = None,
        order_by: OrderBy = (),
        limit: int | None = None,
        offset: int | None = None,
    ) -> list[S]:
        """The rows of a table or view, those that satisfy `where`.

        Without `order_by` their order is PostgreSQL's choice, and so are those within `limit`.
        Raises `UsageError` for what can't be meant, `InvalidArgument` for a value that doesn't fit.
        """
        ...

    async def find_one(
        self, model: type[S], *, where: Condition | None = None, order_by: OrderBy = ()
    ) -> S | None:
        """The first row in the order given, or None. Raises as `find` does.

        Without `order_by` it is PostgreSQL's choice which, where several satisfy `where`.
        """
        ...

    async def count(self, model: type[Struct], *, where: Condition | None = None) -> int:
        """How many rows satisfy `where`. Raises as `find` does."""
        ...


class Finder(Generic[SessionT]):
    """Gives a database, or a unit of work, what `Finds` promises."""

    session: SessionT

    @unseen
    async def find(
        self,
        model: type[S],
        *,
        where: Condition | None = None,
        order_by: OrderBy = (),
        limit: int | None = None,
        offset: int | None = None,
    ) -> list[S]:
        """The rows of a table or view, those that satisfy `where`.

        Without `order_by` their order is PostgreSQL's choice, and so are those within `limit`.
        Raises `UsageError` for what can't be meant, `InvalidArgument` for a value that doesn't fit.
        """
        source = source_of(model)
        statement, values = request(source, "find", where, order_by, limit, offset)
        return list(starmap(source.build, await self.session.fetch(statement, *values)))

    @unseen
    async def find_one(
        self, model: type[S], *, where: Condition | None = None, order_by: OrderBy = ()
    ) -> S | None:
        """The first row in the order given, or None. Raises as `find` does.

        Without `order_by` it is PostgreSQL's choice which, where several satisfy `where`.
        """
        source = source_of(model)
        statement, values = request(source, "find_one", where, order_by)
        row = await self.session.fetchrow(statement, *values)
        return None if row is None else source.build(*row)

    @unseen
    async def count(self, model: type[Struct], *, where: Condition | None = None) -> int:
        """How many rows satisfy `where`. Raises as `find` does."""
        statement, values = request(source_of(model), "count", where)
        found: int = await self.session.fetchval(statement, *values)
        return found


def request(
    source: Source[Any],
    what: What,
    where: Condition | None,
    order_by: OrderBy = (),
    limit: int | None = None,
    offset: int | None = None,
) -> tuple[Statement, list[Any]]:
    """The statement and its values."""
    shape: Shape = [source.number, what]
    values: list[Any] = []
    orders = note(shape, values, where, order_by)
    for name, number in (("limit", limit), ("offset", offset)):
        if number is not None:
            shape.append(name)
            values.append(natural(name, number))
    return kept(shape, lambda: _statement(source, what, where, orders, shape)), values


def note(
    shape: Shape, values: list[Any], where: Condition | None, order_by: OrderBy
) -> tuple[Order, ...]:
    """Adds the shape and values of a condition, and of an order, which it returns as a tuple."""
    if where is not None:
        if not isinstance(where, Condition):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(f"`where` takes a condition, not a {type(where).__name__}")
        try:
            where.note(shape, values)
        except RecursionError:
            raise UsageError(_TOO_DEEP) from None
    orders = in_order(order_by)
    for order in orders:
        shape += (order.column.number, order.direction)
    return orders


def in_order(order_by: OrderBy) -> tuple[Order, ...]:
    """What `order_by` was given. Raises `UsageError`."""
    if isinstance(order_by, (Order, Column)):
        return (as_order(order_by),)
    return tuple(map(as_order, order_by))


def natural(name: str, number: object) -> int:
    """A number for LIMIT or OFFSET. Raises `InvalidArgument`."""
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        expected = "a whole number, not negative"
        message = f"`{name}` has to be {expected}"
        raise InvalidArgument(message, parameter=name, expected=expected)
    return number


def _statement(
    source: Source[Any],
    what: What,
    where: Condition | None,
    orders: tuple[Order, ...],
    shape: Shape,
) -> Statement:
    # It brings pypika, which a program that finds nothing can do without.
    from salacia_db.runtime.finding.rendering import Renderer, text

    renderer = Renderer(source)
    query = renderer.count() if what == "count" else renderer.rows()
    query = renderer.order(renderer.where(query, where), orders)
    if what == "find_one":
        query = query.limit(1)
    if "limit" in shape:
        query = query.limit(renderer.parameter("limit"))
    if "offset" in shape:
        query = query.offset(renderer.parameter("offset"))
    name = f"{source.label}.{what}"
    return Statement(
        name,
        f"-- {name}\n{text(query)}",
        parameters=tuple(renderer.parameters),
        read_only=renderer.proven,
        clean=renderer.proven,
        json=source.json,
    )


# By their shape, the least recently used first.
statements: dict[tuple[int | str, ...], Statement] = {}


def kept(shape: Shape, make: Callable[[], Statement]) -> Statement:
    """The statement of this shape: made once, unless it was long ago."""
    key = tuple(shape)
    statement = statements.pop(key, None)
    if statement is None:
        try:
            statement = make()
        except RecursionError:
            raise UsageError(_TOO_DEEP) from None
        if len(statements) >= _KEPT:
            statements.pop(next(iter(statements)), None)
    statements[key] = statement
    return statement
