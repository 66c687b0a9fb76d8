"""The ledger: which migrations a database has seen, and the lock of those who change it."""

import os
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal, NamedTuple

import psycopg

from salacia_db.postgres.connection import Connection
from salacia_db.postgres.migrations import BOOKKEEPING_SCHEMA
from salacia_db.postgres.migrations.errors import MigrationError
from salacia_db.postgres.migrations.files import MigrationFile

Direction = Literal["up", "down"]

_CREATE = f"""
create schema if not exists {BOOKKEEPING_SCHEMA};
create table if not exists {BOOKKEEPING_SCHEMA}.migration (
    name text primary key,
    position integer generated always as identity,
    checksum text not null,
    direction text not null check (direction in ('up', 'down')),
    steps_done integer not null default 0,
    started_at timestamptz not null default now(),
    finished_at timestamptz
);
comment on schema {BOOKKEEPING_SCHEMA} is 'Which migrations were applied; kept by salacia migrate.'
"""
_TABLE = f"{BOOKKEEPING_SCHEMA}.migration"

# The two halves of an advisory lock's key, the same for all who migrate a database.
_KEY = (1396788547, 1)
_LOCK_POLL = 0.05


class Entry(NamedTuple):
    """One migration as the database knows it. Without `finished_at` it was begun and not ended."""

    name: str
    checksum: str
    direction: Direction
    steps_done: int
    started_at: datetime
    finished_at: datetime | None


def session_name() -> str:
    """What a session that migrates is called, for those who wait for it to read."""
    return f"salacia migrate, process {os.getpid()} on {socket.gethostname()}"


class Ledger:
    """The entries of one database, through one connection in autocommit mode."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def exists(self) -> bool:
        """Whether the database has a ledger."""
        return self._value(f"select to_regclass('{_TABLE}') is not null") is True

    def create(self) -> None:
        """Makes the ledger unless it is there. Call it with the lock held."""
        if self.exists():
            return
        try:
            self._connection.execute(_CREATE.encode())
        except psycopg.errors.InsufficientPrivilege as error:
            raise MigrationError(
                f"can't make the schema {BOOKKEEPING_SCHEMA}: {error.diag.message_primary}",
                "migrate as a user that may change the schema of this database",
            ) from None

    def entries(self) -> list[Entry]:
        """All entries, in the order in which they were begun."""
        if not self.exists():
            return []
        rows = self._connection.execute(
            f"select name, checksum, direction, steps_done, started_at, finished_at "  # noqa: S608
            f"from {_TABLE} order by position".encode()
        )
        return [Entry(*row) for row in rows]

    def add(self, file: MigrationFile, *, finished: bool) -> None:
        """Enters a migration: as applied, or only as begun."""
        self._connection.execute(
            f"insert into {_TABLE} (name, checksum, direction, finished_at) "  # noqa: S608
            f"values (%s, %s, 'up', case when %s then now() end)".encode(),
            (file.name, file.checksum, finished),
        )

    def begin_down(self, name: str) -> None:
        """Says that undoing has begun."""
        self._connection.execute(
            f"update {_TABLE} set direction = 'down', steps_done = 0, started_at = now(), "  # noqa: S608
            f"finished_at = null where name = %s".encode(),
            (name,),
        )

    def step_done(self, name: str, steps: int) -> None:
        """Says how many steps of a migration without a transaction are done."""
        self._connection.execute(
            f"update {_TABLE} set steps_done = %s where name = %s".encode(),  # noqa: S608
            (steps, name),
        )

    def finish(self, name: str, checksum: str) -> None:
        """Says that the migration is applied, in the form that has this checksum."""
        self._connection.execute(
            f"update {_TABLE} set direction = 'up', checksum = %s, "  # noqa: S608
            f"finished_at = coalesce(finished_at, now()) where name = %s".encode(),
            (checksum, name),
        )

    def remove(self, name: str) -> None:
        """Forgets a migration."""
        self._connection.execute(
            f"delete from {_TABLE} where name = %s".encode(),  # noqa: S608
            (name,),
        )

    def applied_by_yoyo(self) -> set[str]:
        """The migrations that yoyo itself has noted in this database."""
        if self._value("select to_regclass('_yoyo_migration') is null"):
            return set()
        rows = self._connection.execute("select migration_id from _yoyo_migration")
        return {row[0] for row in rows}

    def invalid_indexes(self) -> list[str]:
        """Indexes that an interrupted `create index concurrently` left behind."""
        rows = self._connection.execute(
            "select indexrelid::regclass::text from pg_index where not indisvalid order by 1"
        )
        return [row[0] for row in rows]

    @contextmanager
    def locked(self, wait: float) -> Generator[None]:
        """Holds the lock of those who change the schema; waits at most `wait` seconds for it.

        It belongs to the connection that does the work, so the server lets it go when that ends,
        however it ends.
        """
        deadline = time.monotonic() + wait
        # Asked again and again rather than waited for in the server: a waiting statement would
        # hold up a `create index concurrently` of the lock's holder, for ever.
        while not self._value("select pg_try_advisory_lock(%s, %s)", *_KEY):
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"another migration is running ({self._holder()}); "
                    f"waited {wait:g} s for it to end",
                    "wait for it; or end it: select pg_terminate_backend(pid) with the pid of its "
                    "server process",
                )
            time.sleep(_LOCK_POLL)
        yield
        # After an error the end of the connection does it, which may be in no state to be asked.
        self._value("select pg_advisory_unlock(%s, %s)", *_KEY)

    def check_lock(self) -> None:
        """Raises `MigrationError` where the lock isn't this session's (any more)."""
        held = self._value(
            "select exists (select from pg_locks where locktype = 'advisory' "
            "and pid = pg_backend_pid() and classid::bigint = %s and objid::bigint = %s)",
            *_KEY,
        )
        if not held:
            raise MigrationError(
                "the lock on migrations was lost on the way",
                "connect to PostgreSQL directly, not through a pooler; and don't call "
                "pg_advisory_unlock_all() or DISCARD ALL in a migration",
            )

    def _holder(self) -> str:
        row = self._connection.execute(
            "select a.application_name, a.pid from pg_locks l join pg_stat_activity a using (pid) "
            "where l.locktype = 'advisory' and l.granted "
            "and l.classid::bigint = %s and l.objid::bigint = %s "
            "and l.database = (select oid from pg_database where datname = current_database())",
            _KEY,
        ).fetchone()
        return "it has just ended" if row is None else f"{row[0]}; server process {row[1]}"

    def _value(self, sql: str, *parameters: object) -> object:
        row = self._connection.execute(sql.encode(), parameters or None).fetchone()
        return None if row is None else row[0]
