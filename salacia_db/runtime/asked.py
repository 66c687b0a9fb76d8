"""Which statement and column the running code is about: looked for only once it has failed."""

import inspect
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

import asyncpg

from salacia_db.runtime.errors import InvalidValue
from salacia_db.runtime.statement import Statement


def unreadable(what: str, *, value: Any, sqlstate: str) -> InvalidValue:
    """The error for a value that came, but can't be read as its type."""
    name = asked()
    message = f"it ran, but {a_value_of(_columns(value))} is {what}"
    return InvalidValue(
        message if name is None else f"{name}: {message}", sqlstate=sqlstate, statement=name
    )


def a_value_of(columns: Iterable[str]) -> str:
    """What a value is called in messages, which never show it; one of these columns is its own."""
    return f"a value of {' or '.join(f'`{each}`' for each in columns) or 'its result'}"


def asked() -> str | None:
    """The name of the statement whose values are read or given by a caller, the nearest one.

    Structs of a table are built by the same function for every statement. To hand it the name of
    each would cost every row something; the callers, which know it, are looked at instead.
    """
    return next(filter(None, map(_statement, _callers())), None)


def _callers() -> Iterator[FrameType]:
    frame = inspect.currentframe()
    while frame is not None:
        if not frame.f_globals.get("__name__", "").startswith(_OWN):
            yield frame
        frame = frame.f_back


_OWN = (__name__, "salacia_db.runtime.values")


def _statement(frame: FrameType) -> str | None:
    used = map(frame.f_globals.get, frame.f_code.co_names)
    for value in (*frame.f_locals.values(), *used):
        if type(value) is Statement:
            return value.name
    return None


def _columns(value: Any) -> list[str]:
    """The columns that it may be of, as callers name them.

    Those are the names in a row that holds it, else of what a function is given for it. The
    outermost knows best: within an array or another row it has another name. A short value may
    be one object in several columns.
    """
    found: list[str] = []
    for frame in _callers():
        own = _statement(frame) is not None
        parts = dict[str, Any]() if own else dict(frame.f_locals)
        for name, local in frame.f_locals.items():
            if name in _ROW and isinstance(local, asyncpg.Record):
                parts = dict(local)
            elif name in _ROWS:
                parts.pop(name, None)
        found = [name for name, part in parts.items() if _within(part, value)] or found
        if own:
            return found
    return []


# As generated code calls them, whatever else has such a name.
_ROW, _ROWS = ("row", "_row"), ("rows", "_rows")


def _within(part: Any, value: Any) -> bool:
    holds = type(part) in (list, asyncpg.Record)
    return part is value or (holds and any(_within(each, value) for each in part))
