"""Plain SQL files, a `pg_dump -s` among them, run statement by statement on a scratch database."""

import re
from collections.abc import Iterator
from select import select
from typing import TYPE_CHECKING

from msgspec import Struct

from salacia_db.codegen.analysis.session import Rejected, ServerError, connect, rejection
from salacia_db.codegen.facts import SourceFile, Span
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.lexer import Token, lex, token_at
from salacia_db.postgres.lacking import advice

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

# psql's commands that only steer psql itself.
_HARMLESS = (
    *("restrict", "unrestrict", "connect", "c", "encoding", "echo", "qecho", "warn", "set"),
    *("unset", "timing", "pset", "x", "t", "a", "o", "q"),
)
# They would reach beyond the scratch database, or change in what encoding the text is read.
_SKIPPED = (
    *(("create", "database"), ("drop", "database"), ("alter", "database")),
    *(("create", "tablespace"), ("drop", "tablespace"), ("alter", "system")),
    *(("comment", "on", "database"), ("set", "client_encoding"), ("security", "label")),
)
_ROLES = tuple((verb, noun) for verb in ("create", "alter", "drop") for noun in ("role", "user"))
_OWNERSHIP = re.compile(
    r"alter\s.*\sowner\s+to\s|grant\s|revoke\s|alter\s+default\s+privileges\s|set\s+role\s"
    r"|set\s+session\s+authorization\s|reassign\s+owned\s",
    re.IGNORECASE | re.DOTALL,
)
_NO_ROLE = re.compile(r'role "(.*)" does not exist', re.DOTALL)
_UNDEFINED = ("42P01", "42704", "42703", "42883", "3F000", "25P02")
_PRIVILEGE = "42501"
_DUPLICATE = ("42710",)


class Script(Struct, frozen=True):
    """One statement of a file, without its semicolon; `words` are its first few."""

    span: Span
    words: tuple[str, ...]

    @property
    def sql(self) -> str:
        """Its text."""
        return self.span.file.text[self.span.start : self.span.end]

    def begins(self, *starts: tuple[str, ...]) -> bool:
        """Whether its first words are one of these."""
        return any(self.words[: len(start)] == start for start in starts)


def run_files(url: str, files: tuple[SourceFile, ...], *, own_server: bool) -> list[Problem]:
    """Run the files in order; what went wrong, each problem at its place.

    On a server of our own, roles that the files mention are made; elsewhere, ownership and
    privileges of unknown roles are passed over. Raises ServerError where the server can't be
    reached.
    """
    connection = connect(url)
    connection.notice_handler = None
    try:
        runner = _Runner(connection, own_server=own_server)
        for file in files:
            runner.run(file)
        return runner.problems
    finally:
        connection.finish()


def split(file: SourceFile) -> tuple[list[Script], list[Problem]]:
    """The file's statements, and what in it isn't for the server."""
    found: list[Script] = []
    problems: list[Problem] = []
    text, at = file.text, 0
    while at < len(text):
        script, at, problem = _next(file, at)
        found += [script] if script is not None else []
        problems += [problem] if problem is not None else []
    return found, problems


class _Runner:
    def __init__(self, connection: "PGconn", *, own_server: bool) -> None:
        self.problems: list[Problem] = []
        self._connection = connection
        self._own_server = own_server

    def run(self, file: SourceFile) -> None:
        """Run one file's statements, each on its own."""
        scripts, problems = split(file)
        self.problems += problems
        # A dump empties the search path for the rest of its session.
        self._connection.exec_(b"reset all; reset role; set client_encoding = 'UTF8'")
        for script in scripts:
            refused = self._refused(script)
            if refused is not None:
                self._tell(script, refused)

    def _refused(self, script: Script) -> Rejected | None:
        if script.begins(*_SKIPPED) or (not self._own_server and script.begins(*_ROLES)):
            return None
        refused = self._execute(script.sql)
        missing = _NO_ROLE.fullmatch(refused.message) if refused is not None else None
        while self._own_server and missing is not None:
            name = missing[1].replace('"', '""')
            if self._execute(f'create role "{name}" nologin') is not None:
                return refused
            refused = self._execute(script.sql)
            missing = _NO_ROLE.fullmatch(refused.message) if refused is not None else None
        return refused

    def _tell(self, script: Script, refused: Rejected) -> None:
        about_roles = _NO_ROLE.fullmatch(refused.message) or refused.sqlstate == _PRIVILEGE
        if about_roles and not self._own_server and _OWNERSHIP.match(script.sql):
            return
        if refused.sqlstate in _DUPLICATE and script.begins(*_ROLES):
            return
        # An older server doesn't know each setting of a newer pg_dump's preamble.
        if script.begins(("set",)) and refused.sqlstate == "42704":
            return
        errors = [problem for problem in self.problems if problem.severity == "error"]
        # What is missing after an error is most likely what that statement should have made.
        if errors and refused.sqlstate in _UNDEFINED:
            return
        self.problems.append(_problem(script, refused))

    def _execute(self, sql: str) -> Rejected | None:
        from psycopg.pq import ExecStatus

        result = _run(self._connection, sql.encode("utf-8", "replace"))
        if result.status in (ExecStatus.COPY_IN, ExecStatus.COPY_BOTH):
            self._connection.put_copy_end(b"a schema has no rows to copy")
            result = self._connection.get_result() or result
            while self._connection.get_result() is not None:
                pass
        return rejection(result)


def _run(connection: "PGconn", sql: bytes) -> "PGresult":
    """What PQexec does, but it can be interrupted while it waits. Raises ServerError."""
    from psycopg import OperationalError
    from psycopg.pq import ExecStatus

    last: PGresult | None = None
    try:
        connection.send_query(sql)
        while last is None or last.status not in (ExecStatus.COPY_IN, ExecStatus.COPY_BOTH):
            while connection.is_busy():
                select([connection.socket], [], [])
                connection.consume_input()
            result = connection.get_result()
            if result is None:
                break
            last = result
    except OperationalError as error:
        raise ServerError(f"the connection to the server was lost: {error}") from None
    if last is None:
        raise ServerError("the server gave no answer")
    return last


def _problem(script: Script, refused: Rejected) -> Problem:
    file, start = script.span.file, script.span.start
    first_line = file.text.find("\n", start, script.span.end)
    at = Span(file, start, script.span.end if first_line < 0 else first_line)
    if refused.position is not None:
        place = min(start + refused.position, script.span.end - 1)
        token = next((t for t in lex(script.sql) if t.end > place - start), None)
        at = Span(file, place, place + 1 if token is None else start + token.end)
    message = refused.message + (f" ({refused.detail.rstrip('.')})" if refused.detail else "")
    return Problem(message, at=at, hint=advice(message) or refused.hint)


def _next(file: SourceFile, at: int) -> tuple[Script | None, int, Problem | None]:
    """The statement at or behind `at`, where to go on, and a problem in between."""
    tokens: list[Token] = []
    depth = 0
    blocks = 0
    for token in _tokens(file.text, at):
        if not token.significant:
            continue
        if not tokens and token.text == "\\":
            return _meta_command(file, token.start)
        if token.is_symbol(";") and depth <= 0 and blocks == 0:
            script = _script(file, tokens)
            return _after_copy(file, script, token.end)
        depth += token.is_symbol("(") - token.is_symbol(")")
        blocks += _block(token, tokens, blocks)
        tokens.append(token)
    return _script(file, tokens), len(file.text), None


def _tokens(text: str, at: int) -> Iterator[Token]:
    """The tokens from `at` on, read as far as they are asked for."""
    while at < len(text):
        token = token_at(text, at)
        yield token
        at = token.end


def _block(token: Token, before: list[Token], blocks: int) -> int:
    # `begin atomic … end` is the one place where semicolons stand inside a statement.
    if token.is_word("atomic") and before and before[-1].is_word("begin"):
        return 1
    if blocks and token.is_word("case"):
        return 1
    return -1 if blocks and token.is_word("end") else 0


def _script(file: SourceFile, tokens: list[Token]) -> Script | None:
    if not tokens:
        return None
    words = tuple(token.text.lower() for token in tokens[:6])
    return Script(Span(file, tokens[0].start, tokens[-1].end), words)


def _meta_command(file: SourceFile, at: int) -> tuple[None, int, Problem | None]:
    """A line for psql, which starts with a backslash."""
    end = file.text.find("\n", at)
    end = len(file.text) if end < 0 else end
    command = re.match(r"\w*", file.text[at + 1 : end])
    word = command[0] if command else ""
    if word in _HARMLESS:
        return None, end, None
    hint = "list that file under `schema` too" if word in ("i", "ir", "include") else None
    hint = hint or "remove the line: only SQL can be read here"
    return None, end, Problem(f"\\{word} is a command of psql", at=Span(file, at, end), hint=hint)


def _after_copy(
    file: SourceFile, script: Script | None, end: int
) -> tuple[Script | None, int, Problem | None]:
    """Pass over the rows that follow `copy … from stdin;`."""
    if script is None or not script.begins(("copy",)):
        return script, end, None
    if not re.search(r"\bfrom\s+stdin\b", script.sql, re.IGNORECASE):
        return script, end, None
    over = re.compile(r"^\\\.[ \t\r]*$", re.MULTILINE).search(file.text, end)
    problem = Problem(
        "the rows of COPY are passed over: only the schema is read",
        at=script.span,
        hint="`pg_dump -s` leaves them out",
        severity="warning",
    )
    return None, len(file.text) if over is None else over.end(), problem
