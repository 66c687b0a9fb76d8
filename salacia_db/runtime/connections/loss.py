"""Which errors mean that the connection is gone."""

import asyncpg


def from_server(error: BaseException) -> bool:
    """Whether the server sent this error (asyncpg raises the same classes on its own account)."""
    return isinstance(error, asyncpg.PostgresError) and error.severity is not None


def lost(error: BaseException, raw: asyncpg.Connection) -> bool:
    """Whether this error means that the connection is gone."""
    if from_server(error):
        severity = getattr(error, "severity_en", None) or getattr(error, "severity", None)
        return severity in ("FATAL", "PANIC")
    return isinstance(error, (asyncpg.PostgresConnectionError, OSError)) or raw.is_closed()
