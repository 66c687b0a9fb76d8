"""Table objects: what generated code knows of a table or view, for `find` and for relations."""

from collections.abc import Callable
from itertools import count
from typing import Any, Generic, TypeVar, cast

from msgspec import Struct

from salacia_db.runtime.errors import UsageError
from salacia_db.runtime.finding.columns import Column

S = TypeVar("S", bound=Struct)

_numbers = count()


class Source(Generic[S]):
    """A table or view: `label` is its Python name, `columns` are in the order of the struct.

    `build` makes the struct of a row's values, where JSON is of the type `json`, as for a
    `Statement`. `proven`: reading it writes nothing and leaves the session as it was.
    """

    __slots__ = (
        "build",
        "columns",
        "json",
        "label",
        "name",
        "number",
        "owner",
        "proven",
        "schema",
    )

    def __init__(
        self,
        label: str,
        schema: str,
        name: str,
        *,
        owner: type,
        build: Callable[..., S],
        proven: bool,
        json: Any,
    ) -> None:
        self.number = next(_numbers)
        self.label = label
        self.schema = schema
        self.name = name
        self.owner = owner
        self.build = build
        self.proven = proven
        self.json = json
        found: list[Column[Any]] = [c for c in vars(owner).values() if isinstance(c, Column)]
        self.columns = tuple(found)


class Table(Generic[S]):
    """The base of generated table objects, whose attributes are columns.

    All names without an underscore in front belong to the columns.
    """

    def __init__(
        self,
        label: str,
        model: type[S],
        schema: str,
        name: str,
        *,
        build: Callable[..., S] | None = None,
        proven: bool = False,
        json: Any = Any,
    ) -> None:
        self._source = Source(
            label,
            schema,
            name,
            owner=type(self),
            build=build or model,
            proven=proven,
            json=json,
        )
        _sources[model] = self._source

    def __repr__(self) -> str:
        return f"<table {self._source.label}>"


_sources: dict[type[Struct], Source[Any]] = {}


def source_of(model: type[S]) -> Source[S]:
    """The table or view whose rows are of this struct. Raises `UsageError`."""
    source = _sources.get(model)
    if source is None:
        name = getattr(model, "__name__", type(model).__name__)
        raise UsageError(
            f"{name} is no struct of a table: give one of the generated `models`. (A table with a "
            "column that has no Python type can't be read whole.)"
        )
    return cast("Source[S]", source)


def table_of(model: type[Struct]) -> str | None:
    """The name of the table or view, with its schema; None for a struct of none."""
    source = _sources.get(model)
    return None if source is None else f"{source.schema}.{source.name}"
