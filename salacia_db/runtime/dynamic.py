"""Statements whose text depends on what is given: each shape is a statement of its own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeAlias, TypeVar

from msgspec import UNSET

from salacia_db.runtime.errors import InvalidArgument, NotFound
from salacia_db.runtime.statement import Row, Statement, Write
from salacia_db.texts import Item, numbered

_MOST_SHAPES = 256
"""How many shapes of a statement are kept."""


class When:
    """A part of a text that is there if of each of `needs`, sets of bits, one bit is given.

    `items` are strings, and the indexes of the parameters between them.
    """

    __slots__ = ("items", "needs")

    def __init__(self, needs: int | tuple[int, ...], *items: str | int) -> None:
        self.needs = (needs,) if isinstance(needs, int) else needs
        self.items = items


Part: TypeAlias = str | int | When


def chosen_items(parts: Sequence[Part], given: int) -> Iterator[Item]:
    """The items of what is there for these bits."""
    for part in parts:
        if isinstance(part, str | int):
            yield part
        elif all(given & need for need in part.needs):
            yield from part.items


class Switches:
    """What may be left out or chosen, and the bits that it gives.

    `parameters` names the parameters of the SQL; `optional` says which of them may be left out, and
    the bit that each gives; for those in `nullable` None is a value, for others it is the same as
    UNSET. `choices` are further arguments, with the bits that their values give.
    """

    __slots__ = ("_choices", "_name", "_optional")

    def __init__(
        self,
        name: str,
        parameters: tuple[str, ...],
        optional: Mapping[str, int] | None,
        nullable: tuple[str, ...],
        choices: Mapping[str, Mapping[Any, int]] | None,
    ) -> None:
        self._name = name
        self._optional = tuple(
            (parameters.index(parameter), bit, parameter in nullable)
            for parameter, bit in (optional or {}).items()
        )
        self._choices = tuple(
            (len(parameters) + index, choice, bits)
            for index, (choice, bits) in enumerate((choices or {}).items())
        )

    def given(self, values: Row) -> int:
        """The bits of the values of all parameters, then of all choices.

        Raises `InvalidArgument` where a choice has no such value.
        """
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


class Shape:
    """A statement, and what picks its arguments from all that may be given."""

    __slots__ = ("pick", "statement")

    def __init__(self, statement: Statement, indexes: tuple[int, ...]) -> None:
        self.statement = statement
        self.pick = _picker(indexes)


class Given:
    """Arguments on their way, in a local variable of generated code: to unpack, not to show."""

    __slots__ = ("_values",)

    def __init__(self, values: Row) -> None:
        self._values = values

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)


class Dynamic:
    """A statement of a generated module that has optional lines.

    `parts` are its text in order: what is always there (strings, and indexes of parameters), and
    what is there only `When`. For `parameters`, `optional`, `nullable` and `choices` see
    `Switches`; the others are as in `Statement`.

    `suffix` ends the tracked form of each text. Without a bit of `written` an UPDATE would set
    nothing: then `emptied` runs, if there is one, whose parameters and bits are the same.
    """

    __slots__ = (
        "_emptied",
        "_make",
        "_parameters",
        "_parts",
        "_shapes",
        "_switches",
        "_written",
        "name",
    )

    def __init__(
        self,
        name: str,
        parts: tuple[Part, ...],
        *,
        parameters: tuple[str, ...] = (),
        optional: Mapping[str, int] | None = None,
        nullable: tuple[str, ...] = (),
        choices: Mapping[str, Mapping[Any, int]] | None = None,
        read_only: bool = False,
        clean: bool = False,
        before_begin: bool = False,
        json: Any = Any,
        suffix: str | None = None,
        created: bool = False,
        writes: tuple[Write, ...] = (),
        timeout: float | None = None,
        none: type[NotFound] | None = None,
        first: bool = False,
        written: int = 0,
        emptied: "Dynamic | None" = None,
    ) -> None:
        self.name = name
        self._parts = parts
        self._parameters = parameters
        self._switches = Switches(name, parameters, optional, nullable, choices)
        self._written = written
        self._emptied = emptied
        self._shapes: dict[int, Shape] = {}

        def make(text: str, names: tuple[str, ...]) -> Statement:
            return Statement(
                name,
                text,
                parameters=names,
                read_only=read_only,
                clean=clean,
                before_begin=before_begin,
                json=json,
                tracked=None if suffix is None else text + suffix,
                created=created,
                writes=writes,
                timeout=timeout,
                none=none,
                first=first,
            )

        self._make = make

    def __repr__(self) -> str:
        return f"<Dynamic {self.name}>"

    def choose(self, *values: Any) -> tuple[Statement, Given]:
        """The statement for these values, and those of them that it takes.

        `values` are those of all parameters, then of all choices. Raises `InvalidArgument` where a
        choice has no such value.
        """
        given = self._switches.given(values)
        shape = self._shapes.get(given)
        if shape is None:
            shape = self._shape(given)
        return shape.statement, Given(shape.pick(values))

    def sets_nothing(self, *values: Any) -> bool:
        """Whether with these values the SET of an UPDATE is empty. Raises as `choose` does."""
        return not self._switches.given(values) & self._written

    def _shape(self, given: int) -> Shape:
        if self._emptied is not None and not given & self._written:
            return self._emptied._shape(given)
        text, indexes = numbered(chosen_items(self._parts, given))
        shape = Shape(self._make(text, tuple(self._parameters[i] for i in indexes)), indexes)
        remember(self._shapes, given, shape)
        return shape


Key = TypeVar("Key")


def remember(shapes: dict[Key, Shape], key: Key, shape: Shape) -> None:
    """Keeps a shape; that which was made first goes where there are too many."""
    if len(shapes) >= _MOST_SHAPES:
        del shapes[next(iter(shapes))]
    shapes[key] = shape


def _picker(indexes: tuple[int, ...]) -> Callable[[Row], Row]:
    if len(indexes) > 1:
        return itemgetter(*indexes)
    if not indexes:
        return lambda _: ()
    (only,) = indexes
    return lambda values: (values[only],)
