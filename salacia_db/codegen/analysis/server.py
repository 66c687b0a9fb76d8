"""A session that asks PostgreSQL what a statement means, and never runs one of a person's."""

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from salacia_db.codegen.analysis.bodies import Bodies, Stored
from salacia_db.codegen.analysis.printed import queries
from salacia_db.codegen.analysis.session import Rejected, ServerError, Session, refused
from salacia_db.codegen.analysis.tree import Node

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

Route: TypeAlias = Literal["messages", "bodies"]
"""How query trees come: as messages after Parse, or as bodies of functions."""

_WRITTEN = b"parse tree:"
_REWRITTEN = b"rewritten parse tree:"
_SETTINGS = (
    "set client_encoding = 'UTF8'; set default_transaction_read_only = on;"
    "set statement_timeout = '60s'; set lock_timeout = '10s'"
)
_TREES = (
    "set client_min_messages = log; set debug_pretty_print = off;"
    "set debug_print_parse = on; set debug_print_rewritten = on"
)
_NO_TREES = "set debug_print_parse = off; set debug_print_rewritten = off"
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


class Sent(Struct, frozen=True):
    """Trees as messages bring them: the first before rewriting, the second after.

    `untold` says why it isn't known what the statement is rewritten to; `stars_are_placed`, whether
    each star and whole row of the output has its place in the text.
    """

    before: bytes
    after: bytes
    untold: str = ""
    stars_are_placed: bool = True

    def written(self) -> tuple[Node, ...]:
        """The query before rewriting; none for a utility statement."""
        return queries(self.before)

    def rewritten(self) -> tuple[Node, ...]:
        """The queries that it is rewritten to; none where that isn't known."""
        return queries(self.after)


class Parsed:
    """What PostgreSQL made of a statement: type oids of its parameters, columns, and trees.

    Places in the trees are UTF-8 byte offsets into the text sent. They are read when they are asked
    for, since that takes longer than all the rest.
    """

    def __init__(
        self, parameters: tuple[int, ...], columns: tuple[WireColumn, ...], trees: Sent | Stored
    ) -> None:
        self.parameters = parameters
        self.columns = columns
        self._trees = trees

    @cached_property
    def queries(self) -> tuple[Node, ...]:
        """The rewritten trees: several where rules act, none for a utility statement."""
        return self._trees.rewritten()

    @property
    def main(self) -> Node | None:
        """The one query that the statement is; None where rules made it none or several."""
        return self.queries[0] if len(self.queries) == 1 else None

    @cached_property
    def written(self) -> Node | None:
        """The query before rewriting: views are still tables, defaults aren't filled in."""
        return next(iter(self._trees.written()), None)

    @property
    def untold(self) -> str:
        """Why it isn't known what the statement is rewritten to; empty where it is."""
        return self._trees.untold

    @property
    def stars_are_placed(self) -> bool:
        """Whether each star and whole row of the output has its place in the text."""
        return self._trees.stars_are_placed


class Server(Session):
    """A connection in which statements are parsed one by one.

    Nothing is kept in the database and nothing is written: the session only changes settings of
    its own, and its transactions are read-only, or rolled back. `route` is tried first; bodies
    are what is left where there are no messages. Raises ServerError where there are neither.
    """

    def __init__(self, url: str, *, route: Route = "messages") -> None:
        super().__init__(url)
        self._notices: list[tuple[bytes, bytes]] = []
        self._bodies: Bodies | None = None
        self.connection.notice_handler = self._note
        try:
            self.rows(_SETTINGS)
            self.rows(_QUIET)
            if route == "bodies" or not self._sends_trees():
                self._bodies = Bodies(self)
        except BaseException:
            self.close()
            raise

    def parse(self, sql: str) -> Parsed | Rejected:
        """What the statement means, or why PostgreSQL refuses it. Raises ServerError."""
        if "\0" in sql:
            return Rejected("a NUL character in the statement", "42601", position=sql.index("\0"))
        self._notices.clear()
        found = refused(self.connection.prepare(b"", sql.encode()))
        if found is not None:
            return found
        # The first of a kind is the statement's; later ones belong to functions that it inlines.
        dumps = dict(reversed(self._notices))
        described = self.connection.describe_prepared(b"")
        found = refused(described)
        if found is not None:
            return found
        parameters = tuple(described.param_type(i) for i in range(described.nparams))
        columns = tuple(
            WireColumn(
                name=(described.fname(i) or b"").decode("utf-8", "replace"),
                type=described.ftype(i),
                modifier=described.fmod(i),
                table=described.ftable(i),
                attribute=described.ftablecol(i),
            )
            for i in range(described.nfields)
        )
        trees: Sent | Stored = Sent(dumps.get(_WRITTEN, b""), dumps.get(_REWRITTEN, b""))
        if self._bodies is not None:
            trees = self._bodies.trees(sql, parameters, len(columns))
        return Parsed(parameters, columns, trees)

    def refusal(self, texts: Iterable[str]) -> Rejected | None:
        """Why PostgreSQL refuses the first of these statements that it refuses; None where none.

        Nothing else is told of them, which is much quicker than `parse`. Raises ServerError.
        """
        if self._bodies is None:
            self.rows(_NO_TREES)
        try:
            answers = (refused(self.connection.prepare(b"", sql.encode())) for sql in texts)
            return next((found for found in answers if found is not None), None)
        finally:
            if self._bodies is None:
                self.rows(_TREES)

    def _sends_trees(self) -> bool:
        try:
            self.rows(_TREES)
        except ServerError:
            return False  # this role, or this server, has no such settings
        tried = self.parse("select 1")
        return isinstance(tried, Parsed) and tried.main is not None

    def _note(self, result: "PGresult") -> None:
        from psycopg.pq import DiagnosticField

        message = result.error_field(DiagnosticField.MESSAGE_PRIMARY) or b""
        detail = result.error_field(DiagnosticField.MESSAGE_DETAIL) or b""
        self._notices.append((message, detail))
