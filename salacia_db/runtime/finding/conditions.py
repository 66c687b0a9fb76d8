"""Conditions: what rows have to be like, made of columns and values by Python's operators.

A condition has a shape, from which its text is made once, and values, which only ever travel as
parameters. Where PostgreSQL's answer is NULL a row is left out, as in SQL: `t.error != "x"` finds
no row without an error, and neither does `~(t.error == "x")`.
"""

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from salacia_db.runtime.errors import UsageError

if TYPE_CHECKING:
    from salacia_db.runtime.finding.columns import Column

Operator: TypeAlias = Literal[
    "=", "<>", "<", "<=", ">", ">=", "like", "ilike", "between", "in", "null", "not null", "true"
]
# Numbers of columns, operators, and how many parts follow: equal where the text is.
Shape: TypeAlias = list[int | str]


class Condition:
    """What `where=` takes; `&`, `|` and `~` combine conditions. Shows no value in its repr."""

    __slots__ = ()

    def note(self, shape: Shape, values: list[Any]) -> None:
        """Adds the condition's shape, and its values in the order of the parameters."""
        raise NotImplementedError

    def __and__(self, other: "Condition") -> "Condition":
        return _both("and", self, other)

    def __or__(self, other: "Condition") -> "Condition":
        return _both("or", self, other)

    def __invert__(self) -> "Condition":
        return Not(self)

    def __bool__(self) -> bool:
        raise UsageError(
            "a condition is neither true nor false: combine conditions with &, | and ~ rather "
            "than `and`, `or` and `not`, and write `between` for a chain of comparisons"
        )


class Comparison(Condition):
    """One column, compared with values as the driver takes them."""

    __slots__ = ("column", "operator", "values")

    def __init__(self, column: "Column[Any]", operator: Operator, *values: Any) -> None:
        self.column = column
        self.operator: Operator = operator
        self.values = values

    def note(self, shape: Shape, values: list[Any]) -> None:
        shape += (self.column.number, self.operator)
        values += self.values


class Combination(Condition):
    """Several conditions, all or one of which must hold."""

    __slots__ = ("operator", "parts")

    def __init__(self, operator: Literal["and", "or"], parts: tuple[Condition, ...]) -> None:
        self.operator: Literal["and", "or"] = operator
        self.parts = parts

    def note(self, shape: Shape, values: list[Any]) -> None:
        shape += (self.operator, len(self.parts))
        for part in self.parts:
            part.note(shape, values)


class Not(Condition):
    """What holds where the other condition is false."""

    __slots__ = ("part",)

    def __init__(self, part: Condition) -> None:
        self.part = part

    def note(self, shape: Shape, values: list[Any]) -> None:
        shape.append("not")
        self.part.note(shape, values)


def _both(operator: Literal["and", "or"], one: Condition, other: object) -> Condition:
    if not isinstance(other, Condition):
        hint = "put each comparison in brackets, `(t.a == 1) & (t.b == 2)`"
        raise UsageError(f"a condition is combined with a {type(other).__name__}: {hint}")
    # Flat, so that a long chain isn't a deep tree.
    parts = (p for c in (one, other) for p in _parts(operator, c))
    return Combination(operator, tuple(parts))


def _parts(operator: str, condition: Condition) -> tuple[Condition, ...]:
    if isinstance(condition, Combination) and condition.operator == operator:
        return condition.parts
    return (condition,)
