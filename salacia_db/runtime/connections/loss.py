"""Which errors mean that the connection is gone, or that nobody knows what comes over it."""

from collections.abc import Iterator

import asyncpg

# Where asyncpg reads what the server answers, and the rows in it.
_READING = ("_read_server_messages", "_dispatch_result")
_ROW = "_decode_row"


def from_server(error: BaseException) -> bool:
    """Whether the server sent this error (asyncpg raises the same classes on its own account)."""
    return isinstance(error, asyncpg.PostgresError) and error.severity is not None


def lost(error: BaseException, raw: asyncpg.Connection) -> bool:
    """Whether this error means that the connection is gone."""
    if from_server(error):
        severity = getattr(error, "severity_en", None) or getattr(error, "severity", None)
        return severity in ("FATAL", "PANIC")
    return isinstance(error, (asyncpg.PostgresConnectionError, OSError)) or raw.is_closed()


def misread(error: BaseException) -> bool:
    """Whether asyncpg stumbled over an answer, or something in it, that isn't what it expects."""
    if isinstance(error, asyncpg.InternalClientError):
        return True
    return not isinstance(error, (asyncpg.PostgresError, asyncpg.InterfaceError)) and any(
        name.endswith(_READING) for name in _functions(error)
    )


def of_a_row(error: BaseException) -> bool:
    """Whether the error comes from the decoding of a row: the rest of the answer was in order."""
    return any(name.endswith(_ROW) for name in _functions(error))


def _functions(error: BaseException) -> Iterator[str]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_name
        traceback = traceback.tb_next
