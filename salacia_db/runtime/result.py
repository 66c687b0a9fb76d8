"""What a statement did: rows, how many were affected, and which of them an upsert created."""

from collections.abc import Sequence
from typing import Any

from salacia_db.runtime.statement import Statement


class Result:
    """`created` tells of each row of an upsert whether it is new, where the server said so.

    `verb` is the first word of the command's tag ("INSERT"), "" where there is none.
    """

    __slots__ = ("count", "created", "rows", "verb")

    def __init__(
        self,
        rows: list[tuple[Any, ...]],
        count: int,
        created: list[bool] | None = None,
        *,
        verb: str = "",
    ) -> None:
        self.rows = rows
        self.count = count
        self.created = created
        self.verb = verb

    def extend(self, other: "Result") -> None:
        """Adds what a later part of the same call did."""
        if other.created is not None:
            self.created = [*(self.created or ()), *other.created]
        self.rows += other.rows
        self.count += other.count


def affected(tag: bytes | str | None) -> int:
    """The number of rows in a command's tag ("INSERT 0 1"); 0 where it has none."""
    words = tag.split() if tag else ()
    return int(words[-1]) if words and words[-1].isdigit() else 0


def verb(tag: bytes | None) -> str:
    """The first word of a command's tag; "" where there is none."""
    return tag.partition(b" ")[0].decode() if tag else ""


def strip(
    statement: Statement, rows: Sequence[tuple[Any, ...]], count: int, *, verb: str
) -> Result:
    """The result of a statement's tracked form, without the columns that are not the caller's."""
    end = -statement.extra
    created = [bool(row[-2]) for row in rows] if statement.created else None
    return Result([row[:end] for row in rows], count, created, verb=verb)
