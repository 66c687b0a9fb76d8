"""Columns of generated table objects: where conditions and orders begin."""

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Generic, Literal, TypeVar

from salacia_db.runtime.errors import SalaciaError, UsageError
from salacia_db.runtime.finding.conditions import Comparison, Condition, Operator, Shape
from salacia_db.runtime.misfit import misfit

T = TypeVar("T")

_numbers = count()


class Order:
    """A column to order by, upwards or downwards. Without a word on NULL it counts as largest."""

    __slots__ = ("column", "direction")

    def __init__(self, column: "Column[Any]", direction: str) -> None:
        self.column = column
        self.direction = direction

    def nulls_first(self) -> "Order":
        """The same with NULL before all values."""
        return Order(self.column, f"{self.direction.partition(' ')[0]} NULLS FIRST")

    def nulls_last(self) -> "Order":
        """The same with NULL behind all values."""
        return Order(self.column, f"{self.direction.partition(' ')[0]} NULLS LAST")


class Column(Generic[T]):
    """A column that holds `T`, or NULL.

    `dump` turns a value into what the driver takes. `cast` is the SQL name of the type as which
    both sides are compared, where the server can't infer it. `listed`: the driver takes a list of
    such values. `proven`: the type is one of PostgreSQL's own, whose comparisons write nothing and
    leave the session as it was.
    """

    __slots__ = ("cast", "dump", "field", "listed", "name", "number", "proven", "table")

    def __init__(
        self,
        name: str,
        *,
        dump: Callable[[Any], Any] | None = None,
        cast: str = "",
        listed: bool = True,
        proven: bool = True,
    ) -> None:
        self.name = name
        self.dump = dump
        self.cast = cast
        self.listed = listed
        self.proven = proven
        self.number = next(_numbers)
        self.field = name
        self.table: type | None = None

    def __set_name__(self, owner: type, field: str) -> None:
        self.table = owner
        self.field = field

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.field}>"

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: T | None) -> Condition:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        if other is None:
            return Comparison(self, "null")
        return self._test("=", other)

    def __ne__(self, other: T | None) -> Condition:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        if other is None:
            return Comparison(self, "not null")
        return self._test("<>", other)

    def __lt__(self, other: T) -> Condition:
        return self._test("<", other)

    def __le__(self, other: T) -> Condition:
        return self._test("<=", other)

    def __gt__(self, other: T) -> Condition:
        return self._test(">", other)

    def __ge__(self, other: T) -> Condition:
        return self._test(">=", other)

    def between(self, low: T, high: T) -> Condition:
        """From `low` to `high`, both included."""
        return self._test("between", low, high)

    def in_(self, values: Iterable[T]) -> Condition:
        """One of the values; of none where there are none. Raises `UsageError` for a None."""
        if isinstance(values, (str, bytes)):
            raise UsageError(f"{self.field}.in_() takes a list of values, not a single one")
        if not self.listed:
            raise UsageError(
                f"{self.field}.in_(): the driver takes no list of such values; "
                "compare with each, `(t.x == a) | (t.x == b)`"
            )
        return Comparison(self, "in", [self._dumped(value) for value in values])

    def isnull(self) -> Condition:
        """NULL."""
        return Comparison(self, "null")

    def notnull(self) -> Condition:
        """Anything but NULL."""
        return Comparison(self, "not null")

    def asc(self) -> Order:
        """The order from the smallest value up."""
        return Order(self, "ASC")

    def desc(self) -> Order:
        """The order from the largest value down."""
        return Order(self, "DESC")

    def _test(self, operator: Operator, *values: Any) -> Condition:
        return Comparison(self, operator, *map(self._dumped, values))

    def _dumped(self, value: Any) -> Any:
        if value is None:
            raise UsageError(
                f"{self.field} is compared with None, which no row satisfies: "
                "ask for NULL by `isnull()`, `notnull()`, `== None` or `!= None`"
            )
        if isinstance(value, (Column, Order, Condition)):
            raise UsageError(f"{self.field} can be compared with a value only: write a query file")
        return self.dumped(value)

    def dumped(self, value: Any) -> Any:
        """The value as the driver takes it. Raises `InvalidArgument`, with the field's name."""
        if self.dump is None:
            return value
        try:
            return self.dump(value)
        except SalaciaError:
            raise
        except Exception as error:
            failure = misfit("a condition", error, self.field, value, {})
        # Not in the handler: Python's error, which holds the value, isn't to be context.
        raise failure


class TextColumn(Column[T]):
    """A column of text, which can be compared with a pattern, too."""

    __slots__ = ()

    def like(self, pattern: str) -> Condition:
        r"""Like the pattern, in which `%` is any text, `_` one character, `\%` a percent sign."""
        return self._pattern("like", pattern)

    def ilike(self, pattern: str) -> Condition:
        """Like the pattern, whether in capitals or not."""
        return self._pattern("ilike", pattern)

    def _pattern(self, operator: Literal["like", "ilike"], pattern: object) -> Condition:
        if not isinstance(pattern, str):
            kind = type(pattern).__name__
            raise UsageError(f"{self.field}.{operator}() takes a text, not a {kind}")
        return Comparison(self, operator, pattern)


class BoolColumn(Column[bool], Condition):
    """A boolean column: a condition by itself, `where=t.is_active & ~t.is_default`."""

    __slots__ = ()

    def note(self, shape: Shape, values: list[Any]) -> None:
        shape += (self.number, "true")


def as_order(given: object) -> Order:
    """What `order_by` was given as an order. Raises `UsageError`."""
    if isinstance(given, Order):
        return given
    if isinstance(given, Column):
        return given.asc()
    kind = type(given).__name__
    raise UsageError(f"order_by takes columns, as `t.created_at.desc()`, not a {kind}")
