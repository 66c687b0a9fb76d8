"""Bring a database from one migration to another, once, whoever asks and whatever happens."""

import difflib
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from salacia_db.postgres.connection import Connection, connect
from salacia_db.postgres.migrations.errors import MigrationError
from salacia_db.postgres.migrations.execution import apply, check_undo, run_post_apply, undo
from salacia_db.postgres.migrations.files import (
    MigrationFile,
    MigrationFiles,
    new_files,
    read_files,
    refuse_empty,
)
from salacia_db.postgres.migrations.history import History, MigrationStatus
from salacia_db.postgres.migrations.ledger import Direction, Ledger, session_name

LOCK_WAIT = 60.0
"""How many seconds to wait for another process that migrates the same database."""


class Applied(NamedTuple):
    """A migration that was applied, or undone (`direction`), and how long it took."""

    name: str
    direction: Direction
    seconds: float


Report = Callable[[Applied], None]


class Migrator:
    """The migrations in `directory` and the database at `url` (a plain postgresql:// one).

    Connect directly, not through a pooler. Every method raises `MigrationError`, or `PostgresError`
    where the database can't be reached.
    """

    def __init__(self, url: str, directory: Path | str, *, lock_wait: float = LOCK_WAIT) -> None:
        self.directory = Path(directory)
        self._url = url
        self._lock_wait = lock_wait

    def up(
        self, to: str | None = None, *, allow_late: bool = False, report: Report | None = None
    ) -> list[Applied]:
        """Applies what is missing, up to and including the migration `to`.

        Refuses, before it changes anything, where an applied migration was edited or deleted, where
        one was begun and not finished, and where a missing one sorts before an applied one (unless
        `allow_late`). `report` is called after each migration.
        """
        files = read_files(self.directory)
        wanted = _up_to(files, to)
        with self._locked() as (connection, ledger):
            ledger.create()
            history = History(files.migrations, ledger.entries())
            history.refuse_unknown_start(ledger.applied_by_yoyo())
            history.refuse_trouble(ledger.invalid_indexes, allow_late=allow_late)
            pending = [file for file in wanted if file.name not in history.applied]
            for file in pending:
                refuse_empty(file)
            done = [_timed(apply, connection, ledger, file, "up", report) for file in pending]
            if done:
                for file in files.post_apply:
                    run_post_apply(connection, ledger, file)
            return done

    def down(
        self, steps: int = 1, *, to: str | None = None, report: Report | None = None
    ) -> list[Applied]:
        """Undoes the last `steps` migrations, or all that were applied after the migration `to`.

        Refuses, before it changes anything, where one of them can't be undone.
        """
        files = read_files(self.directory)
        target = None if to is None else _find(files, to).name
        with self._locked() as (connection, ledger):
            history = History(files.migrations, ledger.entries())
            chosen = history.last(steps) if target is None else history.after(target)
            history.refuse_trouble(ledger.invalid_indexes, allow_late=True, only=set(chosen))
            by_name = {file.name: file for file in files.migrations}
            undone = [by_name[name] for name in chosen]
            for file in undone:
                check_undo(file)
            return [_timed(undo, connection, ledger, file, "down", report) for file in undone]

    def status(self) -> list[MigrationStatus]:
        """Each migration and where it stands; those whose file is gone come first."""
        files = read_files(self.directory)
        with self._connected() as connection:
            return History(files.migrations, Ledger(connection).entries()).status()

    def new(self, name: str) -> tuple[Path, Path]:
        """Makes the next migration's file and its rollback's, to be filled in."""
        return new_files(self.directory, name)

    def baseline(self, to: str | None = None) -> list[str]:
        """Enters migrations as applied without running them, for a database that has them already.

        All up to and including `to`; without it those that yoyo itself has noted in the database,
        else all. Refuses where the database has entries already.
        """
        files = read_files(self.directory)
        wanted = _up_to(files, to)
        with self._locked() as (connection, ledger):
            ledger.create()
            if ledger.entries():
                raise MigrationError(
                    "this database has a history of migrations already",
                    "salacia migrate status shows it",
                )
            noted = ledger.applied_by_yoyo() if to is None else set[str]()
            entered = [file for file in wanted if not noted or file.name in noted]
            with connection.transaction():
                for file in entered:
                    ledger.add(file, finished=True)
        return [file.name for file in entered]

    def resolve(self, name: str, *, applied: bool) -> None:
        """Says how a migration stands that `up` refuses to go past.

        One that was begun and not finished: `applied` says whether its change is in the database
        now. One that was edited: `applied` accepts the file as it is. One whose file is gone: not
        `applied` forgets it. Runs nothing. Refuses where there is no such doubt.
        """
        files = read_files(self.directory)
        with self._locked() as (_, ledger):
            status = History(files.migrations, ledger.entries()).find(name)
            doubtful = status.state == "unfinished" or (
                status.state == ("edited" if applied else "deleted")
            )
            if not doubtful:
                raise MigrationError(
                    f"{status.name} is {status.state}: "
                    f"there is nothing to resolve as {'applied' if applied else 'not applied'}",
                    "salacia migrate status shows how each migration stands",
                )
            if not applied:
                ledger.remove(status.name)
                return
            ledger.finish(status.name, _find(files, status.name).checksum)

    @contextmanager
    def _connected(self) -> Generator[Connection]:
        connection = connect(self._url, session_name())
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _locked(self) -> Generator[tuple[Connection, Ledger]]:
        with self._connected() as connection:
            ledger = Ledger(connection)
            with ledger.locked(self._lock_wait):
                yield connection, ledger


def apply_all(url: str, directory: Path | str) -> None:
    """Applies all migrations of a folder, for a scratch database."""
    Migrator(url, directory).up()


def _timed(
    run: Callable[[Connection, Ledger, MigrationFile], None],
    connection: Connection,
    ledger: Ledger,
    file: MigrationFile,
    direction: Direction,
    report: Report | None,
) -> Applied:
    began = time.monotonic()
    run(connection, ledger, file)
    done = Applied(file.name, direction, time.monotonic() - began)
    if report is not None:
        report(done)
    return done


def _up_to(files: MigrationFiles, name: str | None) -> list[MigrationFile]:
    if name is None:
        return files.migrations
    return files.migrations[: files.migrations.index(_find(files, name)) + 1]


def _find(files: MigrationFiles, name: str) -> MigrationFile:
    """The migration with this name, or the only one that begins with it (`0003`)."""
    exact = [file for file in files.migrations if file.name == name]
    found = exact or [file for file in files.migrations if file.name.startswith(name)]
    if len(found) == 1:
        return found[0]
    names = [file.name for file in found or files.migrations]
    near = names if found else difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    raise MigrationError(
        f"{'several migrations begin' if found else 'no migration begins'} with {name!r}",
        f"did you mean {' or '.join(near)}?" if near else "salacia migrate status lists them",
    )
