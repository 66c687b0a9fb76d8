"""A session with a server, by libpq alone."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

from msgspec import Struct

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

# The connection, resources, an operator's intervention, a lock.
_NOT_THE_STATEMENT = ("08", "53", "55P03", "57")


class Rejected(Struct, frozen=True):
    """PostgreSQL's refusal. `position` counts the characters of the text sent, from 0."""

    message: str
    sqlstate: str
    hint: str | None = None
    detail: str | None = None
    position: int | None = None


class ServerError(Exception):
    """The server can't be reached, or refused what the generator itself asked."""


class Session:
    """A connection. Used as a context manager it is closed at the end."""

    def __init__(self, url: str) -> None:
        self.connection = connect(url)
        self.version = self.connection.server_version
        """As PostgreSQL numbers itself: 180006 is 18.6."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the session."""
        self.connection.finish()

    def rows(self, sql: str) -> list[tuple[bytes | None, ...]]:
        """Run a query of ours; values in text form. Raises ServerError."""
        result = self.connection.exec_(sql.encode())
        found = rejection(result)
        if found is not None:
            raise ServerError(found.message)
        return [
            tuple(result.get_value(row, column) for column in range(result.nfields))
            for row in range(result.ntuples)
        ]

    def json(self, sql: str) -> bytes:
        """The single JSON value of a query of ours. Raises ServerError."""
        return self.rows(sql)[0][0] or b"null"


def connect(url: str) -> "PGconn":
    """A bare connection of libpq. Raises ServerError and PostgresError, without the password."""
    # Loading psycopg takes longer than a run in which every statement is cached.
    from psycopg.pq import ConnStatus, PGconn

    from salacia_db.postgres.connection import check_url
    from salacia_db.tls import libpq_url

    check_url(url)
    connection = PGconn.connect(libpq_url(url).encode())
    if connection.status != ConnStatus.OK:
        message = connection.get_error_message().strip()
        connection.finish()
        raise ServerError(message)
    return connection


def rejection(result: "PGresult") -> Rejected | None:
    """The error that a result carries; None where it is a success."""
    from psycopg.pq import DiagnosticField, ExecStatus

    failed = (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE, ExecStatus.NONFATAL_ERROR)
    if result.status not in failed:
        return None

    def field(code: DiagnosticField) -> str | None:
        value = result.error_field(code)
        return None if value is None else value.decode("utf-8", "replace")

    position = field(DiagnosticField.STATEMENT_POSITION)
    return Rejected(
        field(DiagnosticField.MESSAGE_PRIMARY) or "the connection to the server was lost",
        field(DiagnosticField.SQLSTATE) or "08006",
        field(DiagnosticField.MESSAGE_HINT),
        field(DiagnosticField.MESSAGE_DETAIL),
        None if position is None else int(position) - 1,
    )


def refused(result: "PGresult") -> Rejected | None:
    """The statement's own error; None where there is none. Raises ServerError for all others."""
    found = rejection(result)
    if found is not None and found.sqlstate.startswith(_NOT_THE_STATEMENT):
        raise ServerError(found.message)
    return found
