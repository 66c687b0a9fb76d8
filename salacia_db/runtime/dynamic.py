"""Statements whose text depends on what is given: each shape is a statement of its own."""

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

from msgspec import UNSET

from salacia_db.runtime.errors import InvalidArgument, NotFound
from salacia_db.runtime.session import Row
from salacia_db.runtime.statement import Statement, Write

_MOST_SHAPES = 256
"""How many shapes of a statement are kept; that which was made first goes first."""


class When:
    """A part of a text that is there if of each of `needs`, sets of bits, one bit is given.

    `items` are strings, and the indexes of the parameters between them.
    """

    __slots__ = ("items", "needs")

    def __init__(self, needs: int | tuple[int, ...], *items: str | int) -> None:
        self.needs = (needs,) if isinstance(needs, int) else needs
        self.items = items


class _Shape:
    """A statement, and what picks its arguments from all that may be given."""

    __slots__ = ("pick", "statement")

    def __init__(self, statement: Statement, indexes: tuple[int, ...]) -> None:
        self.statement = statement
        self.pick = _picker(indexes)


class Dynamic:
    """A statement of a generated module that has optional lines.

    `parts` are its text in order: what is always there (strings, and indexes of parameters), and
    what is there only `When`. `parameters` names the parameters; `optional` says which of them may
    be left out, and the bit that each gives; for those in `nullable` None is a value, for others it
    is the same as UNSET. `choices` are further arguments, with the bits that their values give.

    `suffix` ends the tracked form of each text. Without a bit of `written` an UPDATE would set
    nothing: then `emptied` runs, if there is one, whose parameters and bits are the same.
    """

    __slots__ = (
        "_choices",
        "_emptied",
        "_make",
        "_name",
        "_optional",
        "_parameters",
        "_parts",
        "_shapes",
        "_suffix",
        "_written",
    )

    def __init__(
        self,
        name: str,
        parts: tuple[str | int | When, ...],
        *,
        parameters: tuple[str, ...] = (),
        optional: Mapping[str, int] | None = None,
        nullable: tuple[str, ...] = (),
        choices: Mapping[str, Mapping[Any, int]] | None = None,
        read_only: bool = False,
        clean: bool = False,
        json: bool = False,
        suffix: str | None = None,
        created: bool = False,
        writes: tuple[Write, ...] = (),
        timeout: float | None = None,
        none: type[NotFound] | None = None,
        written: int = 0,
        emptied: "Dynamic | None" = None,
    ) -> None:
        self._name = name
        self._parts = parts
        self._parameters = parameters
        self._optional = tuple(
            (parameters.index(parameter), bit, parameter in nullable)
            for parameter, bit in (optional or {}).items()
        )
        self._choices = tuple(
            (len(parameters) + index, choice, bits)
            for index, (choice, bits) in enumerate((choices or {}).items())
        )
        self._suffix = suffix
        self._written = written
        self._emptied = emptied
        self._shapes: dict[int, _Shape] = {}

        def make(text: str, names: tuple[str, ...]) -> Statement:
            return Statement(
                name,
                text,
                parameters=names,
                read_only=read_only,
                clean=clean,
                json=json,
                tracked=None if suffix is None else text + suffix,
                created=created,
                writes=writes,
                timeout=timeout,
                none=none,
            )

        self._make = make

    def __repr__(self) -> str:
        return f"<Dynamic {self._name}>"

    def choose(self, *values: Any) -> tuple[Statement, Row]:
        """The statement for these values, and those of them that it takes.

        `values` are those of all parameters, then of all choices. Raises `InvalidArgument` where a
        choice has no such value.
        """
        given = self._given(values)
        shape = self._shapes.get(given)
        if shape is None:
            shape = self._shape(given)
        return shape.statement, shape.pick(values)

    def sets_nothing(self, *values: Any) -> bool:
        """Whether with these values the SET of an UPDATE is empty. Raises as `choose` does."""
        return not self._given(values) & self._written

    def _given(self, values: Row) -> int:
        given = 0
        for index, bit, nullable in self._optional:
            value = values[index]
            if value is not UNSET and (nullable or value is not None):
                given |= bit
        for index, name, bits in self._choices:
            try:
                given |= bits[values[index]]
            except (KeyError, TypeError):
                raise self._wrong(name, bits) from None
        return given

    def _wrong(self, name: str, bits: Mapping[Any, int]) -> InvalidArgument:
        known = ", ".join(repr(value) for value in bits if value is not UNSET)
        return InvalidArgument(
            f"{self._name}: `{name}` has no such value; it is one of {known}",
            parameter=name,
            expected=known,
        )

    def _shape(self, given: int) -> _Shape:
        if self._emptied is not None and not given & self._written:
            return self._emptied._shape(given)
        text, indexes = self.compose(given)
        shape = _Shape(self._make(text, tuple(self._parameters[i] for i in indexes)), indexes)
        if len(self._shapes) >= _MOST_SHAPES:
            del self._shapes[next(iter(self._shapes))]
        self._shapes[given] = shape
        return shape

    def compose(self, given: int) -> tuple[str, tuple[int, ...]]:
        """The text for these bits, and the indexes of its parameters in their order."""
        numbers: dict[int, int] = {}
        text: list[str] = []
        for part in self._parts:
            items: tuple[str | int, ...] = (part,) if isinstance(part, str | int) else part.items
            if isinstance(part, When) and not all(given & need for need in part.needs):
                continue
            for item in items:
                if isinstance(item, int):
                    item = f"${numbers.setdefault(item, len(numbers) + 1)}"
                text.append(item)
        return "".join(text), tuple(numbers)


def _picker(indexes: tuple[int, ...]) -> Callable[[Row], Row]:
    if len(indexes) > 1:
        return itemgetter(*indexes)
    if not indexes:
        return lambda _: ()
    (only,) = indexes
    return lambda values: (values[only],)
