"""Scratch databases: made for a moment, on a server of our own or on one that is named."""

import os
import secrets
import time
from collections.abc import Generator
from contextlib import contextmanager

import psycopg

from salacia_db.postgres.connection import (
    Connection,
    connect,
    database_name,
    identifier,
    script,
    with_database,
)
from salacia_db.postgres.errors import PostgresError
from salacia_db.postgres.server import Server, start_scratch

_TEMPLATE_TIMEOUT = 5.0

_server: tuple[int, Server] | None = None


def scratch_server() -> Server:
    """The scratch server of this process: started at the first call, gone with the process."""
    global _server
    if _server is None or _server[0] != os.getpid() or _server[1].pid is None:
        _server = os.getpid(), start_scratch()
    return _server[1]


@contextmanager
def scratch_databases(url: str | None = None) -> Generator["ScratchDatabases"]:
    """Scratch databases on the server of `url`, or on this process's own; dropped at the end."""
    databases = ScratchDatabases(scratch_server().url() if url is None else url)
    try:
        yield databases
    finally:
        databases.close()


@contextmanager
def scratch_database(url: str | None = None) -> Generator[str]:
    """The URL of one new, empty database, dropped at the end."""
    with scratch_databases(url) as databases:
        yield databases.create()


class ScratchDatabases:
    """Makes and drops databases on one server. It touches none but those that it made.

    `url` leads to any database of that server; its user needs the right to create databases.
    Their names are random. Not for several threads at once.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._made: list[str] = []
        self._connection: Connection | None = None

    def create(self, *, template: str | None = None) -> str:
        """Makes a database, empty or as a copy of one whose URL `template` is; returns its URL.

        Nobody may be connected to the template meanwhile.
        """
        name = f"salacia_scratch_{secrets.token_hex(6)}"
        source = "template0" if template is None else database_name(template)
        statement = f"create database {identifier(name)} template {identifier(source)}"
        if template is None:
            statement += " encoding 'UTF8'"
        if self._is_fast():
            statement += " strategy file_copy"
        self._create(statement)
        self._made.append(name)
        return with_database(self._url, name)

    def drop(self, url: str) -> None:
        """Drops a database that `create` made; whoever is connected to it is disconnected."""
        name = database_name(url)
        if name not in self._made:
            raise ValueError(f"{name!r} is not a scratch database of this object's")
        self._execute(f"drop database if exists {identifier(name)} with (force)")
        self._made.remove(name)

    @contextmanager
    def database(self, *, template: str | None = None) -> Generator[str]:
        """The URL of a database as `create` makes it, dropped at the end."""
        url = self.create(template=template)
        try:
            yield url
        finally:
            self.drop(url)

    def close(self) -> None:
        """Drops what is left."""
        try:
            for name in list(self._made):
                self.drop(with_database(self._url, name))
        finally:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _is_fast(self) -> bool:
        # Copying files needs a checkpoint: the fastest way on a scratch server, a burden elsewhere.
        # Before 15 there is no other way, nor a word for it.
        connection = self._connect()
        row = connection.execute("select current_setting('fsync') = 'off'").fetchone()
        return connection.info.server_version >= 150000 and row is not None and bool(row[0])

    def _create(self, statement: str) -> None:
        deadline = time.monotonic() + _TEMPLATE_TIMEOUT
        while True:
            try:
                self._connect().execute(script(statement))
            except psycopg.errors.ObjectInUse:
                # A session that was just closed may take a moment to be gone.
                if time.monotonic() > deadline:
                    raise PostgresError("somebody is connected to the template database") from None
                time.sleep(0.01)
            except psycopg.errors.InsufficientPrivilege:
                raise PostgresError(
                    "this user may not create databases on the server",
                    "alter role … createdb, as a superuser",
                ) from None
            else:
                return

    def _execute(self, statement: str) -> None:
        self._connect().execute(script(statement))

    def _connect(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url)
        return self._connection
