"""Events: what hooks are told before and after a statement writes."""

from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any, Generic, TypeVar

from salacia_db.runtime.errors import UsageError

T = TypeVar("T")


class Arguments(MutableMapping[str, Any]):
    """A statement's arguments by parameter name. Values can be replaced, names can't."""

    __slots__ = ("_names", "_statement", "current")

    def __init__(self, statement: str, names: tuple[str, ...], values: Sequence[Any]) -> None:
        self._statement = statement
        self._names = names
        self.current = list(values)

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self.current[self._names.index(name)]

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self._names:
            raise UsageError(
                f"{self._statement} has no parameter {name!r}; it has "
                f"{', '.join(self._names) or 'none'}"
            )
        self.current[self._names.index(name)] = value

    def __delitem__(self, name: str) -> None:
        raise UsageError(f"{self._statement}: an argument can be replaced, not removed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        # Names only: an argument may be a secret.
        return f"Arguments({', '.join(self._names)})"


class Event(Generic[T]):
    """What every event tells.

    `statement` is the query's name, `model` the struct of the table, `uow` the unit of work (the
    generated package's: its groups are there), whose transaction a hook's own queries join.
    `upsert`: the statement is INSERT … ON CONFLICT DO UPDATE. `batch` holds the arguments of each
    row of a bulk call; of any other call, one.
    """

    __slots__ = ("_bulk", "batch", "model", "statement", "uow", "upsert")

    def __init__(
        self,
        statement: str,
        model: type[T],
        uow: Any,
        batch: Sequence[Arguments],
        *,
        bulk: bool,
        upsert: bool,
    ) -> None:
        self.statement = statement
        self.model = model
        self.uow = uow
        self.batch = batch
        self.upsert = upsert
        self._bulk = bulk

    @property
    def arguments(self) -> Arguments:
        """The arguments by parameter name. Raises `UsageError` for a bulk call: see `batch`."""
        if self._bulk:
            raise UsageError(f"{self.statement} is a bulk call: look at event.batch")
        return self.batch[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.statement}, {self.model.__name__})"


class Before(Event[T]):
    """A statement is about to write. Replacing arguments changes it; raising refuses it."""

    __slots__ = ()


class Creating(Before[T]):
    """Rows are about to be inserted."""

    __slots__ = ()


class Updating(Before[T]):
    """Rows are about to be updated."""

    __slots__ = ()


class Deleting(Before[T]):
    """Rows are about to be deleted."""

    __slots__ = ()


class After(Event[T]):
    """A statement has written, in a transaction that is still open.

    `rows` are those written, where the statement returns whole rows (else empty). `count` is how
    many, None where the server doesn't tell (a CTE that doesn't return its rows).
    """

    __slots__ = ("count", "rows")

    def __init__(
        self,
        statement: str,
        model: type[T],
        uow: Any,
        batch: Sequence[Arguments],
        *,
        bulk: bool,
        upsert: bool,
        rows: tuple[T, ...] = (),
        count: int | None = None,
    ) -> None:
        super().__init__(statement, model, uow, batch, bulk=bulk, upsert=upsert)
        self.rows = rows
        self.count = count


class Created(After[T]):
    """Rows were inserted."""

    __slots__ = ()


class Updated(After[T]):
    """Rows were updated."""

    __slots__ = ()


class Deleted(After[T]):
    """Rows were deleted."""

    __slots__ = ()
