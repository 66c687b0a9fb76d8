"""Which statement the running code is about: looked for only when something has failed."""

import inspect

from salacia_db.runtime.errors import InvalidValue
from salacia_db.runtime.statement import Statement


def unreadable(what: str, *, sqlstate: str) -> InvalidValue:
    """The error for a value that came, but can't be read as its type."""
    name = asked()
    message = f"it ran, but a value of its result is {what}"
    return InvalidValue(
        message if name is None else f"{name}: {message}", sqlstate=sqlstate, statement=name
    )


def asked() -> str | None:
    """The name of the statement whose values are read or given by a caller, the nearest one.

    Structs of a table are built by the same function for every statement. To hand it the name of
    each would cost every row something; the callers, which know it, are looked at instead.
    """
    frame = inspect.currentframe()
    while frame is not None:
        used = map(frame.f_globals.get, frame.f_code.co_names)
        for value in (*frame.f_locals.values(), *used):
            if type(value) is Statement:
                return value.name
        frame = frame.f_back
    return None
