"""Run one migration or its rollback: all of it with its mark, or step by step with a trail."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psycopg

from salacia_db.postgres.connection import Connection, script
from salacia_db.postgres.lacking import advice
from salacia_db.postgres.migrations.errors import MigrationError, at
from salacia_db.postgres.migrations.files import MigrationFile, read_rollback
from salacia_db.postgres.migrations.ledger import Ledger
from salacia_db.postgres.migrations.statements import Statement

_NOT_IN_TRANSACTION = "25001"

Step = Callable[[], None]


def apply(connection: Connection, ledger: Ledger, file: MigrationFile) -> None:
    """Applies a migration and enters it, both or neither where it is transactional."""
    steps = list(_apply_steps(connection, file))
    _reset(connection)
    if file.transactional:
        _in_transaction(connection, ledger, file, steps, lambda: ledger.add(file, finished=True))
        return
    ledger.check_lock()
    ledger.add(file, finished=False)
    _one_by_one(connection, ledger, file, steps)
    ledger.finish(file.name, file.checksum)


def undo(connection: Connection, ledger: Ledger, file: MigrationFile) -> None:
    """Runs a migration's rollback and takes its entry away."""
    steps = list(_undo_steps(connection, file))
    _reset(connection)
    if file.transactional:
        _in_transaction(connection, ledger, file, steps, lambda: ledger.remove(file.name))
        return
    ledger.check_lock()
    ledger.begin_down(file.name)
    _one_by_one(connection, ledger, file, steps)
    ledger.remove(file.name)


def run_post_apply(connection: Connection, ledger: Ledger, file: MigrationFile) -> None:
    """Runs a `post-apply` file, which leaves no entry."""
    steps = list(_apply_steps(connection, file))
    _reset(connection)
    if file.transactional:
        _in_transaction(connection, ledger, file, steps, lambda: None)
        return
    for step in steps:
        step()


def check_undo(file: MigrationFile) -> None:
    """Raises `MigrationError` where there is no way back."""
    if file.path.suffix == ".sql":
        read_rollback(file)
    elif not any(_has_rollback(step) for step in file.steps):
        raise MigrationError(
            f"{at(file.path)} can't be undone: none of its steps has a rollback",
            "give its steps one: step(apply, rollback)",
        )


def _in_transaction(
    connection: Connection,
    ledger: Ledger,
    file: MigrationFile,
    steps: list[Step],
    mark: Callable[[], None],
) -> None:
    try:
        with connection.transaction():
            ledger.check_lock()
            for step in steps:
                step()
            # The migration may have changed the role or the path that the mark is written with.
            connection.execute("reset session authorization")
            mark()
    except psycopg.Error as error:
        # Raised by COMMIT: a deferred constraint, say.
        raise MigrationError(f"{at(file.path)} {_complaint(error)}", _hint(error)) from error


def _one_by_one(
    connection: Connection, ledger: Ledger, file: MigrationFile, steps: list[Step]
) -> None:
    for number, step in enumerate(steps, start=1):
        try:
            step()
        except MigrationError as error:
            raise MigrationError(
                f"{error.message}\n  {number - 1} of {len(steps)} steps are done; as the migration "
                "runs outside a transaction, they stay",
                f"put right what is half done, then say how it stands: salacia migrate resolve "
                f"{file.name} --applied | --not-applied",
            ) from error
        _reset(connection)
        ledger.step_done(file.name, number)


def _reset(connection: Connection) -> None:
    """Undoes what a migration before has set, so that each one finds the same session."""
    connection.execute("reset session authorization")
    connection.execute("reset all")
    with suppress(psycopg.Error):
        # A client that was killed is noticed while its statement runs, so that the lock goes soon;
        # some systems can't.
        connection.execute("set client_connection_check_interval = '1s'")


# --- the steps of a file --------------------------------------------------------------------------


def _apply_steps(connection: Connection, file: MigrationFile) -> Iterator[Step]:
    for statement in file.statements:
        yield _sql_step(connection, file, file.path, statement)
    for step in file.steps:
        yield _python_step(connection, file, step.apply)


def _undo_steps(connection: Connection, file: MigrationFile) -> Iterator[Step]:
    if file.path.suffix == ".sql":
        for statement in read_rollback(file):
            yield _sql_step(connection, file, file.rollback_path, statement)
    for step in reversed(file.steps):
        yield _python_step(connection, file, step.rollback)


def _sql_step(connection: Connection, file: MigrationFile, path: Any, statement: Statement) -> Step:
    def run() -> None:
        try:
            connection.execute(script(statement.sql), prepare=False)
        except psycopg.Error as error:
            hint = _hint(error)
            if error.sqlstate == _NOT_IN_TRANSACTION and file.transactional:
                hint = (
                    "put `-- transactional: false` on top, and the statement in a file of its own"
                )
            place = at(path, *_place(error, statement))
            raise MigrationError(f"{place} {_complaint(error)}", hint) from error

    return run


def _python_step(
    connection: Connection, file: MigrationFile, method: Callable[[Any], None]
) -> Step:
    def run() -> None:
        try:
            method(_YoyoBackend(connection))
        except psycopg.Error as error:
            raise MigrationError(f"{at(file.path)} {_complaint(error)}", _hint(error)) from error
        except Exception as error:
            raise MigrationError(f"{at(file.path)} {type(error).__name__}: {error}") from error

    return run


def _has_rollback(step: Any) -> bool:
    inner = getattr(step, "step", step)
    if hasattr(inner, "steps"):
        return any(_has_rollback(each) for each in inner.steps)
    return inner._rollback is not None


class _YoyoBackend:
    """As much of a yoyo backend as its steps use, on our connection and inside our transaction."""

    DatabaseError = psycopg.DatabaseError

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def transaction(self) -> Any:
        return self.connection.transaction()

    def cursor(self) -> "_QuietCursor":
        return _QuietCursor(self.connection)


class _QuietCursor:
    # yoyo prints the rows of a step to stdout where the cursor has a description.
    description = None

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sql: str) -> None:
        self._connection.execute(script(sql), prepare=False)

    def close(self) -> None:
        pass


# --- what the server said -------------------------------------------------------------------------


def _place(error: psycopg.Error, statement: Statement) -> tuple[int, int | None]:
    """The line and column that the server complains of; without them, the statement's line."""
    position = error.diag.statement_position
    if position is None:
        return statement.line, None
    before = statement.sql[: int(position) - 1]
    lines = before.count("\n")
    if not lines:
        return statement.line, statement.column + len(before)
    return statement.line + lines, len(before) - before.rfind("\n")


def _complaint(error: psycopg.Error) -> str:
    primary = error.diag.message_primary or str(error).strip()
    detail = error.diag.message_detail
    return primary if detail is None else f"{primary} ({detail})"


def _hint(error: psycopg.Error) -> str | None:
    return advice(_complaint(error)) or error.diag.message_hint
