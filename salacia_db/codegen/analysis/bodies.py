"""Query trees where messages don't bring them: as the body of a function that is taken back."""

from msgspec import Struct

from salacia_db.codegen.analysis.places import place_outputs, starts
from salacia_db.codegen.analysis.printed import queries
from salacia_db.codegen.analysis.rules import Rules, UntoldError, read_rules
from salacia_db.codegen.analysis.session import Rejected, ServerError, Session, refused
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import descend

_NAME = "salacia_asked"
_HEAD = "create function pg_temp.{}({}) returns void language sql begin atomic "
_TAIL = "\n; end"
# How a function refuses to hold a utility statement: feature_not_supported.
_UTILITY = "0A000"
# Since then stored trees hold no places.
_WITHOUT_PLACES = 170000
_BODY = f"""
select prosqlbody from pg_proc where proname = '{_NAME}' and pronamespace = pg_my_temp_schema()
"""  # noqa: S608 (all ours)


class Bodies:
    """Has the server store statements, and reads what it stored.

    What it stores is the query as it was analysed; what rewriting makes of that is worked out here.
    Raises ServerError where the server stores nothing: the role may not make temporary functions,
    or the server is a standby.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rules = read_rules(session)
        self._types: dict[int, str] = {}
        session.rows("set check_function_bodies = off")  # it is only looked at
        try:
            refusal = self._body("select 1", ())[1]
            reason = "" if refusal is None else refusal.message
        except ServerError as error:
            reason = str(error)
        if reason:
            raise ServerError(
                "the server shows query trees neither in messages (debug_print_rewritten) nor in"
                f" the bodies of temporary functions: {reason}"
            )

    def trees(self, sql: str, parameters: tuple[int, ...], columns: int) -> "Stored":
        """The trees of a statement that the server has accepted. Raises ServerError."""
        body, refusal = self._body(sql, parameters)
        untold = "" if refusal is None or refusal.sqlstate == _UTILITY else refusal.message
        if self._session.version < _WITHOUT_PLACES:
            return Stored(body, self._rules, untold, shift=len(self._head(parameters).encode()))
        places = starts(sql, columns, self._columns) if columns else []
        return Stored(body, self._rules, untold, places=places)

    def _head(self, parameters: tuple[int, ...]) -> str:
        unknown = {oid for oid in parameters if oid not in self._types}
        if unknown:
            oids = ", ".join(map(str, sorted(unknown)))
            asked = f"select o::int8, o::regtype from unnest('{{{oids}}}'::oid[]) o"  # noqa: S608
            for oid, name in self._session.rows(asked):
                self._types[int(oid or b"0")] = (name or b"").decode()
        return _HEAD.format(_NAME, ", ".join(self._types[oid] for oid in parameters))

    def _body(self, sql: str, parameters: tuple[int, ...]) -> tuple[bytes, Rejected | None]:
        """The printed body, and why there is none. Utility statements have none."""
        text = self._head(parameters) + sql + _TAIL
        connection = self._session.connection
        self._session.rows("begin read write")
        try:
            # Unlike exec_, this takes one statement only, whatever the text holds.
            found = refused(connection.exec_params(text.encode(), None))
            if found is not None:
                return b"", found
            return self._session.rows(_BODY)[0][0] or b"", None
        finally:
            connection.exec_(b"rollback")

    def _columns(self, sql: str) -> int | None:
        """How many columns a statement returns; None if the server refuses it."""
        connection = self._session.connection
        if refused(connection.prepare(b"", sql.encode())) is not None:
            return None
        return connection.describe_prepared(b"").nfields


class Stored(Struct, frozen=True):
    """Trees as the server stored them: `shift` bytes stood before the statement's text.

    Where stored trees hold no places, `places` are those of the output columns.
    """

    body: bytes
    rules: Rules
    refusal: str
    shift: int = 0
    places: list[list[int]] = []

    @property
    def untold(self) -> str:
        """Why it isn't known what the statement is rewritten to; empty where it is."""
        try:
            self.rules.rewritten(queries(self.body))
        except UntoldError as error:
            return str(error)
        return self.refusal

    @property
    def stars_are_placed(self) -> bool:
        """Whether each star and whole row of the output has its place in the text."""
        if self.shift:
            return True
        return all(place_outputs(query, self.places) for query in queries(self.body))

    def written(self) -> tuple[Node, ...]:
        """The query before rewriting; none for a utility statement."""
        found = queries(self.body)
        for query in found:
            if self.shift:
                _shift(query, self.shift)
            else:
                place_outputs(query, self.places)
        return found

    def rewritten(self) -> tuple[Node, ...]:
        """The queries that it is rewritten to; none where that isn't known."""
        try:
            return self.rules.rewritten(self.written())
        except UntoldError:
            return ()


def _shift(query: Node, by: int) -> None:
    for node in descend(query):
        location = node.get("location")
        if isinstance(location, int) and location >= 0:
            node.fields["location"] = location - by
