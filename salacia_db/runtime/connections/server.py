"""The server: where connections lead, how they are secured, and in what session they begin."""

import ssl
from typing import Any

import asyncpg

from salacia_db import tls
from salacia_db.config import DatabaseSettings
from salacia_db.runtime.connections import failures
from salacia_db.runtime.connections.connection import Connection, RawConnection
from salacia_db.runtime.connections.extensions import KnownTypes
from salacia_db.runtime.connections.loss import misread
from salacia_db.runtime.connections.pooler import PooledConnection, PooledRawConnection
from salacia_db.runtime.errors import ConnectionFailed
from salacia_db.texts import printable

# A wrong password or database doesn't become right by itself, and neither does a certificate.
_FINAL = ("28000", "28P01", "3D000", "42501", "08P01")
# None of the URL's hosts is what its `target_session_attrs` asks for; one may yet be promoted.
_NONE = asyncpg.TargetServerAttributeNotMatched


class Server:
    """Opens connections, all alike.

    The URL holds the password, so nobody else is given it: what an error shows of local variables
    is this object, whose repr says nothing. `search_path` are the schemas that the statements were
    written for; () leaves it to the server.
    """

    __slots__ = ("_context", "_options", "_types", "_url", "settings")

    def __init__(self, settings: DatabaseSettings, search_path: tuple[str, ...] = ()) -> None:
        self.settings = settings
        self._url = settings.url
        self._types = KnownTypes()
        self._context: ssl.SSLContext | str | None = None
        self._options: dict[str, str] = {}
        if "application_name=" not in self._url:
            self._options["application_name"] = settings.application_name
        # A pooler that lends for a transaction has sessions of its own.
        if search_path and settings.pooler is None and "search_path" not in self._url:
            self._options["search_path"] = _path(search_path)

    def move(self, url: str) -> None:
        """From now on connections lead there."""
        self._url = url

    async def connect(self) -> Connection:
        """A new connection, set up for the pool. Raises `ConnectionFailed`."""
        raw = await self._open()
        kind = Connection if self.settings.pooler is None else PooledConnection
        return kind(raw, limit=self.settings.prepared_statements, types=self._types)

    async def _open(self) -> RawConnection:
        settings = self.settings
        try:
            if self._context is None:
                # Reading all of the system's certificates takes a while: once.
                self._context = tls.driver_ssl(self._url)
            kind = RawConnection if settings.pooler is None else PooledRawConnection
            options: dict[str, Any] = {
                "server_settings": self._options,
                "statement_cache_size": kind.statement_cache_size,
            }
            if self._context is not None:
                options["ssl"] = self._context
            raw: RawConnection = await asyncpg.connect(
                self._url,
                timeout=settings.connect_timeout,
                connection_class=kind,
                **options,
            )
        except TimeoutError:
            failure = ConnectionFailed(
                f"no connection to {settings.location} within {settings.connect_timeout:g} s"
            )
        except Exception as error:
            failure = self._refused(error)
        else:
            return raw
        # Not in the handler: the driver's frames hold the password.
        raise failure

    def _refused(self, error: Exception) -> ConnectionFailed:
        ours = ConnectionFailed(
            f"can't connect to {self.settings.location}: {printable(_reason(error))}"
        )
        final = isinstance(error, (ssl.SSLError, PermissionError, ValueError))
        final |= getattr(error, "sqlstate", None) in _FINAL
        ours.retry_safe = not (final or _has_no_tls(error))
        return ours


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted: {error.verify_message}; {tls.HINT}"
    if isinstance(error, _NONE):
        return "none of its servers is what target_session_attrs asks for"
    if misread(error) and not isinstance(error, asyncpg.InternalClientError):
        return "what answers there makes no sense: is it PostgreSQL?"
    text = str(error.args[0]) if error.args else ""
    if _has_no_tls(error):
        return f"it offers no TLS; {tls.HINT}"
    if text.startswith("unsupported startup parameter: search_path"):
        return (
            "a pooler before it takes no search_path: add that to its ignore_startup_parameters, "
            "and say connect(search_path='server')"
        )
    return failures.reason(error) if isinstance(error, OSError) else text


def _has_no_tls(error: Exception) -> bool:
    return type(error) is ConnectionError and str(error).endswith("rejected SSL upgrade")


def _path(schemas: tuple[str, ...]) -> str:
    """The schemas as search_path takes them; temporary tables hide nothing."""
    quoted = ['"' + schema.replace('"', '""') + '"' for schema in schemas]
    return ", ".join((*quoted, "pg_temp"))
