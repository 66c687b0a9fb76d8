"""Conditions and orders as SQL, by pypika. Imported when the first text is made.

What pypika is given are names from the catalog, which it quotes, and `$1`, `$2` … for values.
"""

from collections.abc import Sequence
from enum import Enum
from operator import eq, ge, gt, le, lt, ne
from typing import TYPE_CHECKING, Any, TypeAlias

from pypika import Criterion, Parameter, PostgreSQLQuery, Table
from pypika.functions import Count
from pypika.terms import LiteralValue
from pypika.terms import Not as Negation
from pypika.utils import format_quotes

from salacia_db.runtime.errors import UsageError
from salacia_db.runtime.finding.columns import Column, Order
from salacia_db.runtime.finding.conditions import Combination, Comparison, Condition, Not
from salacia_db.runtime.finding.tables import Source

if TYPE_CHECKING:
    from salacia_db.runtime.finding.relations import Link, Through

# pypika's own types say little.
Query: TypeAlias = Any
Term: TypeAlias = Any

_COMPARE = {"=": eq, "<>": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


class Direction(Enum):
    """What may follow a term of ORDER BY; pypika knows only the first two."""

    ASC = "ASC"
    DESC = "DESC"
    ASC_NULLS_FIRST = "ASC NULLS FIRST"
    ASC_NULLS_LAST = "ASC NULLS LAST"
    DESC_NULLS_FIRST = "DESC NULLS FIRST"
    DESC_NULLS_LAST = "DESC NULLS LAST"


class Renderer:
    """Renders for one table or view; `parameters` are the names of those met so far, in order.

    `proven`: what was rendered writes nothing and leaves the session as it was.
    """

    def __init__(self, source: Source[Any]) -> None:
        self.source = source
        self.table = table(source, "t")
        self.parameters: list[str] = []
        self.proven = source.proven

    def rows(self) -> Query:
        """The query for all columns of all rows."""
        return PostgreSQLQuery.from_(self.table).select(*map(self._field, self.source.columns))

    def count(self) -> Query:
        """The query for the number of rows."""
        return PostgreSQLQuery.from_(self.table).select(Count("*"))

    def parameter(self, name: str, cast: str = "") -> Term:
        """The next parameter."""
        self.parameters.append(name)
        return Parameter(f"${len(self.parameters)}" + (f"::{cast}" if cast else ""))

    def where(self, query: Query, condition: Condition | None) -> Query:
        """The query for the rows that satisfy the condition. Raises `UsageError`."""
        return query if condition is None else query.where(self._condition(condition))

    def order(self, query: Query, orders: Sequence[Order]) -> Query:
        """The query with its rows in order. Raises `UsageError`."""
        for order in orders:
            self.check(order.column)
            query = query.orderby(self._field(order.column), order=Direction(order.direction))
        return query

    def check(self, column: Column[Any]) -> None:
        """Raises `UsageError` where the column is another table's."""
        if column.table is not self.source.owner:
            raise UsageError(
                f"{column.field} is a column of another table than {self.source.label}"
            )
        self.proven = self.proven and column.proven

    def _field(self, column: Column[Any]) -> Term:
        return self.table.field(column.name)

    def _condition(self, condition: Condition) -> Term:
        if isinstance(condition, Comparison):
            self.check(condition.column)
            return self._comparison(condition)
        if isinstance(condition, Combination):
            parts = [self._condition(part) for part in condition.parts]
            return Criterion.all(parts) if condition.operator == "and" else Criterion.any(parts)
        if isinstance(condition, Not):
            return Negation(self._condition(condition.part))
        if isinstance(condition, Column):
            self.check(condition)
            return self._field(condition)
        raise UsageError(f"a {type(condition).__name__} is no condition")

    def _comparison(self, test: Comparison) -> Term:
        column, field = test.column, self._field(test.column)
        if column.cast:
            field = LiteralValue(f"{quoted('t', column.name)}::{column.cast}")

        def value(array: str = "") -> Term:
            return self.parameter(column.field, column.cast + array if column.cast else "")

        match test.operator:
            case "null":
                return field.isnull()
            case "not null":
                return field.notnull()
            case "between":
                return field.between(value(), value())
            case "in":
                # One text whatever the number of values.
                return field == LiteralValue(f"ANY({value('[]').get_sql()})")
            case "like":
                return field.like(value())
            case "ilike":
                return field.ilike(value())
            case compare:
                return _COMPARE[compare](field, value())


def lateral(
    renderer: Renderer,
    keys: Sequence["Link"],
    through: "Through | None",
    where: Condition | None,
    orders: Sequence[Order],
    *,
    limited: bool,
) -> str:
    """The rows that keys lead to: each behind the number of its key, those of a key in order.

    The keys come as arrays, one for each column. Without a limit PostgreSQL makes a plain join of
    it; with one it takes the first rows of each key.
    """
    given = [renderer.parameter(key.column.field, f"{key.type}[]").get_sql() for key in keys]
    names = [f"c{number}" for number in range(1, len(keys) + 1)]
    query, near = renderer.rows(), renderer.table
    if through is not None:
        near = table(through.source, "j")
        pairs = (near.field(ours.name) == renderer.table.field(o.name) for ours, o in through.pairs)
        query = query.join(near).on(Criterion.all(pairs))
        renderer.proven = renderer.proven and through.source.proven
    for key, name in zip(keys, names, strict=True):
        renderer.proven = renderer.proven and key.column.proven and key.other.proven
        query = query.where(near.field(key.other.name) == LiteralValue(f"k.{name}"))
    query = renderer.where(query, where)
    for order in orders:
        renderer.check(order.column)
    if limited:
        query = renderer.order(query, orders).limit(renderer.parameter("limit"))
    columns = ", ".join(f"r.{quoted(column.name)}" for column in renderer.source.columns)
    sql = (
        f"SELECT k.n, {columns}\n"
        f"FROM unnest({', '.join(given)}) WITH ORDINALITY AS k({', '.join(names)}, n)\n"
        f"CROSS JOIN LATERAL ({text(query)}) AS r"
    )
    # The order within is lost outside.
    terms = [f"r.{quoted(o.column.name)} {Direction(o.direction).value}" for o in orders]
    return sql + (f"\nORDER BY {', '.join(terms)}" if terms else "")


def table(source: Source[Any], alias: str) -> Table:
    """The table or view under an alias."""
    return Table(source.name, schema=source.schema, alias=alias)


def quoted(*names: str) -> str:
    """Names as SQL, with dots between them."""
    return ".".join(format_quotes(name, '"') for name in names)


def text(query: Query) -> str:
    """The query's text."""
    return str(query.get_sql())
