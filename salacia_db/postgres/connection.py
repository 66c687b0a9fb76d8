"""Direct connections of our own to a server, with errors that a person can read."""

import re
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import psycopg
from psycopg import sql

from salacia_db import tls
from salacia_db.postgres.errors import PostgresError

Connection = psycopg.Connection[tuple[Any, ...]]

_FORM = "postgresql://user:password@host:port/database"
_UNPROVEN = re.compile("SSL|certificate")
# libpq prints what it can't decode, a password too.
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def connect(url: str, name: str = "salacia") -> Connection:
    """Connects in autocommit mode, as the application `name`.

    Raises `PostgresError`, which never holds the password.
    """
    check_url(url)
    try:
        return psycopg.connect(
            tls.libpq_url(url), autocommit=True, connect_timeout=10, application_name=name
        )
    except psycopg.Error as error:
        hint = tls.HINT if _UNPROVEN.search(str(error)) else None
        raise PostgresError(f"can't connect to {place(url)}: {error}", hint) from None


def check_url(url: str) -> None:
    """Raises `PostgresError` where `url` isn't one of PostgreSQL's, or libpq would misread it."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise PostgresError(f"the database's URL can't be read: {error}", _FORM) from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise PostgresError(
            "the database's URL must begin with postgresql://",
            _FORM,
        )
    if _PERCENT.search(url):
        raise PostgresError(
            "the database's URL holds a % that begins no escaped character", "write % as %25"
        )
    credentials, at, _ = parts.netloc.rpartition("@")
    # libpq would take what follows such a character for the host, and print it in its error.
    if "@" in credentials or (not at and "@" in parts.path + parts.query + parts.fragment):
        raise PostgresError(
            "the user or password in the database's URL holds a character that must be escaped",
            "write @ as %40, / as %2F, ? as %3F, # as %23",
        )


def place(url: str) -> str:
    """Host and database of a URL, for messages: without user, password and options."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2] or "the local socket"
    return f"{host}, database {database_name(url)!r}"


def database_name(url: str) -> str:
    """The database that a URL names; empty where it names none."""
    return unquote(urlsplit(url).path.lstrip("/"))


def with_database(url: str, database: str) -> str:
    """The same URL with another database."""
    return urlsplit(url)._replace(path="/" + quote(database, safe="")).geturl()


def identifier(name: str) -> str:
    """A name quoted for SQL."""
    return sql.Identifier(name).as_string(None)


def script(text: str) -> bytes:
    """A text put together at run time, in the form in which psycopg executes it as it is."""
    return text.encode()
