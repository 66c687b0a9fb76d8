"""A session that asks PostgreSQL what a statement means, and never runs one of a person's."""

from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from msgspec import Struct

from salacia_db.codegen.analysis.tree import Node, parse_tree

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

_WRITTEN = b"parse tree:"
_REWRITTEN = b"rewritten parse tree:"
_SETTINGS = (
    "set client_encoding = 'UTF8'; set client_min_messages = log; set debug_pretty_print = off;"
    "set debug_print_parse = on; set debug_print_rewritten = on;"
    "set default_transaction_read_only = on;"
    "set statement_timeout = '60s'; set lock_timeout = '10s'"
)
# The connection, resources, an operator's intervention, a lock.
_NOT_THE_STATEMENT = ("08", "53", "55P03", "57")
# Else every tree would also be written to the server's log; only superusers may say so.
# Nor may others choose the language of messages, in which hints are looked for.
_QUIET = (
    "select set_config('log_min_messages', 'panic', false), set_config('lc_messages', 'C', false)"
    " from pg_roles where rolname = current_user and rolsuper"
)


class WireColumn(Struct, frozen=True):
    """A column of the row description: `table` and `attribute` are 0 where it is computed."""

    name: str
    type: int
    modifier: int
    table: int
    attribute: int


class Parsed:
    """What PostgreSQL made of a statement: type oids of its parameters, columns, and trees.

    Places in the trees are UTF-8 byte offsets into the text sent. They are read when they are asked
    for, since that takes longer than all the rest.
    """

    def __init__(
        self,
        parameters: tuple[int, ...],
        columns: tuple[WireColumn, ...],
        written: bytes,
        rewritten: bytes,
    ) -> None:
        self.parameters = parameters
        self.columns = columns
        self._written = written
        self._rewritten = rewritten

    @cached_property
    def queries(self) -> tuple[Node, ...]:
        """The rewritten trees: several where rules act, none for a utility statement."""
        return _queries(self._rewritten)

    @property
    def main(self) -> Node | None:
        """The one query that the statement is; None where rules made it none or several."""
        return self.queries[0] if len(self.queries) == 1 else None

    @cached_property
    def written(self) -> Node | None:
        """The query before rewriting: views are still tables, defaults aren't filled in."""
        return next(iter(_queries(self._written)), None)


class Rejected(Struct, frozen=True):
    """PostgreSQL's refusal. `position` counts the characters of the text sent, from 0."""

    message: str
    sqlstate: str
    hint: str | None = None
    detail: str | None = None
    position: int | None = None


class ServerError(Exception):
    """The server can't be reached, or refused what the generator itself asked."""


class Server:
    """A connection in which statements are parsed one by one.

    Nothing is created in the database and nothing is written: the session only changes settings of
    its own, and its transactions are read-only.
    """

    def __init__(self, url: str) -> None:
        self._notices: list[tuple[bytes, bytes]] = []
        self._connection = connect(url)
        self._connection.notice_handler = self._note
        self.rows(_SETTINGS)
        self.rows(_QUIET)
        self.version = self._connection.server_version
        """As PostgreSQL numbers itself: 180006 is 18.6."""
        tried = self.parse("select 1")
        if isinstance(tried, Rejected) or tried.main is None:
            self.close()
            raise ServerError("the server doesn't show query trees (debug_print_rewritten)")

    def __enter__(self) -> "Server":
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
        self._connection.finish()

    def rows(self, sql: str) -> list[tuple[bytes | None, ...]]:
        """Run a query of ours; values in text form. Raises ServerError."""
        result = self._connection.exec_(sql.encode())
        refused = rejection(result)
        if refused is not None:
            raise ServerError(refused.message)
        return [
            tuple(result.get_value(row, column) for column in range(result.nfields))
            for row in range(result.ntuples)
        ]

    def json(self, sql: str) -> bytes:
        """The single JSON value of a query of ours. Raises ServerError."""
        return self.rows(sql)[0][0] or b"null"

    def parse(self, sql: str) -> Parsed | Rejected:
        """What the statement means, or why PostgreSQL refuses it. Raises ServerError."""
        if "\0" in sql:
            return Rejected("a NUL character in the statement", "42601", position=sql.index("\0"))
        self._notices.clear()
        prepared = self._connection.prepare(b"", sql.encode())
        refused = rejection(prepared)
        if refused is not None:
            if refused.sqlstate.startswith(_NOT_THE_STATEMENT):
                raise ServerError(refused.message)
            return refused
        # The first of a kind is the statement's; later ones belong to functions that it inlines.
        dumps = dict(reversed(self._notices))
        described = self._connection.describe_prepared(b"")
        refused = rejection(described)
        if refused is not None:
            return refused
        return Parsed(
            tuple(described.param_type(i) for i in range(described.nparams)),
            tuple(
                WireColumn(
                    name=(described.fname(i) or b"").decode("utf-8", "replace"),
                    type=described.ftype(i),
                    modifier=described.fmod(i),
                    table=described.ftable(i),
                    attribute=described.ftablecol(i),
                )
                for i in range(described.nfields)
            ),
            dumps.get(_WRITTEN, b""),
            dumps.get(_REWRITTEN, b""),
        )

    def _note(self, result: "PGresult") -> None:
        from psycopg.pq import DiagnosticField

        message = result.error_field(DiagnosticField.MESSAGE_PRIMARY) or b""
        detail = result.error_field(DiagnosticField.MESSAGE_DETAIL) or b""
        self._notices.append((message, detail))


def connect(url: str) -> "PGconn":
    """A bare connection of libpq. Raises ServerError and PostgresError, without the password."""
    # Loading psycopg takes longer than a run in which every statement is cached.
    from psycopg.pq import ConnStatus, PGconn

    from salacia_db.postgres.connection import check_url

    check_url(url)
    connection = PGconn.connect(url.encode())
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


def _queries(dump: bytes) -> tuple[Node, ...]:
    if not dump:
        return ()
    try:
        tree = parse_tree(dump)
    except ValueError:
        return ()  # not understood: nothing will be proven of it
    nodes = tree if isinstance(tree, list) else [tree]
    queries = [node for node in nodes if isinstance(node, Node)]
    # A utility statement is a query that only wraps it.
    return tuple(query for query in queries if query.get("utilityStmt") is None)
