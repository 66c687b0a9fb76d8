"""Statements: SQL text with the facts that the generator has proven about it."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

from msgspec import Struct

from salacia_db.runtime.errors import NotFound
from salacia_db.runtime.values.json import json_reader

# A row of the wire: values by position.
Row: TypeAlias = tuple[Any, ...]
Operation = Literal["create", "update", "delete", "upsert"]
Kind: TypeAlias = "str | tuple[Kind] | dict[str, Kind]"
"""What a value is: a scalar by its name, an array (a tuple of its element's), a composite."""


class Write:
    """What a statement, or a CTE of it, does to the table of `model`.

    `returned`: the statement's own rows are exactly whole rows of that table; `build` makes the
    struct of such a row's values (by default `model` itself does).
    """

    __slots__ = ("build", "model", "operation", "returned")

    def __init__(
        self,
        operation: Operation,
        model: type[Struct],
        *,
        returned: bool = False,
        build: Callable[..., Struct] | None = None,
    ) -> None:
        self.operation: Operation = operation
        self.model = model
        self.returned = returned
        self.build = build or model


class Batch:
    """How up to `size` concurrent calls of a statement run as one.

    A read takes an array for each parameter, and its rows say last whose they are, from 1. A write
    takes the number of its row as one more parameter, and gives it back as the row's last column.
    """

    __slots__ = ("size", "statement")

    def __init__(self, statement: "Statement", *, size: int) -> None:
        # Its rows are those of many calls.
        statement.limited = False
        self.statement = statement
        self.size = size


class Unnested(Struct, frozen=True):
    """A `:bulk` statement as one that takes all entries, and does the same.

    Its rows are in the order of the entries; with `tail` at its end, those of the tracked form.
    `positioned`: before the trailing columns, each tells the position of its entry, from 1, and
    how many pairs of an entry and a row there were; only where they are as many as the rows was no
    row written twice. `json`: the parameters whose values are JSON, counted from 0. `records`: what
    those are that travel as records of JSON, which is the first argument; of the others lists
    follow.
    """

    sql: str
    tail: str
    positioned: bool = False
    json: tuple[int, ...] = ()
    records: dict[int, Kind] = {}


class Form(NamedTuple):
    """A statement for many rows at once, and its facts."""

    statement: "Statement"
    how: Unnested


class Statement:
    """A statement of a generated module; compared by identity, so make it once.

    `read_only` and `clean` are proofs: nothing is written, the session is left as it was found.
    So is `before_begin`: in READ COMMITTED it gives the same before a transaction as within.
    `json`: the type that all JSON in its rows is decoded into; `bytes` leaves it as its text, for
    a caller that knows the type of each value. `decode` does it.
    `tracked` is the same statement with trailing columns: with `created` a boolean that tells
    whether the row was created, and always the transaction's number last. `timeout` in seconds
    overrides the database's; `none` is raised where a row must be there and isn't. `first`: of
    several rows a `:one` is given the first, so that the server is asked for one; that costs it
    parallel workers. `batch`: its concurrent calls share a statement. `unnested` are the forms
    for many rows at once, in the order in which they are tried.
    """

    __slots__ = (
        "batch",
        "before_begin",
        "clean",
        "created",
        "decode",
        "extra",
        "first",
        "json",
        "limited",
        "name",
        "none",
        "parameters",
        "read_only",
        "sql",
        "timeout",
        "tracked",
        "unnested",
        "writes",
    )

    def __init__(
        self,
        name: str,
        sql: str,
        *,
        parameters: tuple[str, ...] = (),
        read_only: bool = False,
        clean: bool = False,
        before_begin: bool = False,
        json: Any = Any,
        tracked: str | None = None,
        created: bool = False,
        writes: tuple[Write, ...] = (),
        timeout: float | None = None,
        none: type[NotFound] | None = None,
        first: bool = False,
        batch: Batch | None = None,
        unnested: tuple[Unnested, ...] = (),
    ) -> None:
        self.name = name
        self.sql = sql
        self.parameters = parameters
        self.read_only = read_only
        # By `max_rows`. What may write isn't: it would have happened, and only half be told.
        self.limited = read_only
        self.clean = clean
        self.before_begin = before_begin
        self.json = json
        self.decode = json_reader(json)
        self.created = created
        self.writes = writes
        self.timeout = timeout
        self.none = none
        self.first = first
        self.batch = batch
        # How many trailing columns of the tracked statement are not the caller's.
        self.extra = 2 if created else 1
        self.tracked: Statement | None = None
        if tracked is not None:
            # A statement of its own: it is prepared and held like any other.
            self.tracked = Statement(
                name,
                tracked,
                parameters=parameters,
                clean=clean,
                json=json,
                created=created,
                writes=writes,
                timeout=timeout,
                none=none,
                first=first,
            )
        self.unnested = tuple(Form(self._over(each), each) for each in unnested)

    def _over(self, how: Unnested) -> "Statement":
        """The statement for many rows at once."""
        form = Statement(
            self.name,
            how.sql,
            parameters=self.parameters,
            clean=self.clean,
            json=self.json,
            tracked=how.sql + how.tail,
            created=self.created,
            writes=self.writes,
            timeout=self.timeout,
        )
        own = 2 * how.positioned
        for each, extra in ((form, 0), (form.tracked, self.extra)):
            if each is not None:
                each.created = self.created and extra > 0
                each.extra = extra + own
        return form

    def __repr__(self) -> str:
        return f"<Statement {self.name}>"

    def not_found(self) -> NotFound:
        """The error for a row that must be there and isn't."""
        return (self.none or NotFound)(self.name)


RAW = Statement("raw SQL", "")
"""What stands for SQL that the generator hasn't seen."""
