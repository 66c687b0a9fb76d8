"""A connection of the pool: asyncpg's, with the statements that it holds and who has it."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import ref

import asyncpg

from salacia_db.runtime.connections.codecs import install_codecs
from salacia_db.runtime.connections.extensions import KnownTypes, TypedConnection
from salacia_db.runtime.connections.loss import lost
from salacia_db.runtime.statement import RAW, Statement
from salacia_db.runtime.values.json import DECODE_ANY

if TYPE_CHECKING:
    from salacia_db.runtime.connections.watchdog import Watchdog

NEVER = float("inf")

# A number of a transaction means the same only within one life of one server: promotion starts a
# new timeline, and a crash gives the numbers of what it lost to others (it resets the statistics).
# System and timeline, then what changes with a restart and with a crash.
# Whoever may create functions can't put one in place of these.
INCARNATION = """
select case when pg_catalog.pg_is_in_recovery() then null else pg_catalog.concat_ws(
  '/',
  pg_catalog.concat_ws(
    '.',
    (select system_identifier from pg_catalog.pg_control_system()),
    pg_catalog.substr(
      pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8
    )
  ),
  extract(epoch from pg_catalog.pg_postmaster_start_time()),
  extract(epoch from (select stats_reset from pg_catalog.pg_stat_bgwriter))
) end
"""

# Like the driver's own, which outlive a reset. A number each: one may be left from an attempt that
# was cancelled.
_INCARNATION_NAME = "__asyncpg_stmt_incarnation_{}__"
_attempts = count()


class RawConnection(TypedConnection):
    """asyncpg's connection, with what we need of its inside.

    `altered`: a borrower has changed how it reads or writes values.
    """

    __slots__ = ("altered",)

    statement_cache_size: ClassVar[int] = 100

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.altered = False

    async def set_type_codec(self, *args: Any, **kwargs: Any) -> None:
        self.altered = True
        await super().set_type_codec(*args, **kwargs)

    async def set_builtin_type_codec(self, *args: Any, **kwargs: Any) -> None:
        self.altered = True
        await super().set_builtin_type_codec(*args, **kwargs)

    async def reset_type_codec(self, *args: Any, **kwargs: Any) -> None:
        self.altered = True
        await super().reset_type_codec(*args, **kwargs)

    def forget_listeners(self) -> None:
        """Drops the callbacks that a borrower left behind."""
        self._listeners.clear()  # type: ignore[attr-defined]
        self._log_listeners.clear()  # type: ignore[attr-defined]
        self._query_loggers.clear()  # type: ignore[attr-defined]

    def sever(self, nowhere: int) -> None:
        """Points the socket at another file: in a forked child nothing may reach the server."""
        transport = self._transport  # type: ignore[attr-defined]
        sock: socket.socket | None = (
            None if transport is None else transport.get_extra_info("socket")
        )
        if sock is not None and sock.fileno() >= 0:
            os.dup2(nowhere, sock.fileno())


class Connection:
    """One session with the server.

    `held` are its prepared statements, least recently used first once it is `full`. `deadline` is
    when the watchdog ends what runs now, `expires` when the connection is too old. `dirty`:
    something ran that is not proven to leave the session as it was. `current` is the statement
    that runs or ran last; in a unit of work, `where` is its place in the program, `task` that which
    took the connection. `since` is when either began; `told` that of which a leak was reported, and
    `idle_since` when the connection came back. `isolation` is the session's default, None until
    somebody has asked. `named`: somebody may have prepared statements under names of their own;
    `names`: any statement that isn't clean may. `prepared_at` is when a statement was prepared
    last.
    """

    __slots__ = (
        "_types",
        "bind_execute",
        "current",
        "deadline",
        "dirty",
        "driver",
        "expired",
        "expires",
        "full",
        "held",
        "idle_since",
        "incarnation",
        "isolation",
        "json",
        "knows_incarnation",
        "learned",
        "limit",
        "named",
        "names",
        "prepared_at",
        "raw",
        "since",
        "task",
        "told",
        "watchdog",
        "where",
    )

    wanders: ClassVar[bool] = False
    """Whether each transaction may be in another session, on another server even."""

    watchdog: "Watchdog"  # the pool's, which sets it

    def __init__(
        self,
        raw: RawConnection,
        *,
        limit: int,
        types: KnownTypes | None = None,
    ) -> None:
        self.raw = raw
        self._types = types
        if types is not None and not self.wanders:
            raw.before_types = self.learn_incarnation
        # asyncpg's own types stop here: its records and statements are Any.
        self.driver = _driver(raw)
        self.bind_execute = self.driver.bind_execute
        self.json = install_codecs(raw.get_settings())
        self.incarnation: str | None = None
        self.knows_incarnation = False
        self.learned: Callable[[Connection], None] | None = None  # the pool's
        self.isolation: str | None = None
        self.limit = limit
        self.held: dict[Statement, Any] = {}
        self.full = False
        self.deadline = NEVER
        self.expires = NEVER
        self.expired = False
        self.dirty = False
        self.named = self.names = False
        self.current: str | None = None
        self.where: str | None = None
        # Weak, so that an abandoned task and what it holds can be garbage.
        self.task: ref[asyncio.Task[Any]] | None = None
        self.since = self.idle_since = self.prepared_at = monotonic()
        self.told = NEVER

    def start(self, statement: Statement, timeout: float) -> Any:
        """Notes what begins now, and its deadline. The held prepared statement, or None."""
        self.current = statement.name
        now = monotonic()
        if self.where is None:
            self.since = now
        self.deadline = deadline = now + (statement.timeout or timeout)
        if deadline < self.watchdog.next_at:
            self.watchdog.schedule(deadline)
        if not statement.clean:
            self.dirty = True
        self.json.decode = statement.decode
        return None if self.full else self.held.get(statement)

    def start_raw(self, sql: str, timeout: float) -> None:
        """Notes that SQL begins now that the generator hasn't seen, and its deadline."""
        self.start(RAW, timeout)
        if not _cached(self.raw).has((sql, asyncpg.Record, False)):
            self.prepared_at = monotonic()
        if "prepare" in sql.lower():
            self.named = True

    def rest(self) -> None:
        """What `start` began has ended: no deadline, and JSON is decoded for any borrower."""
        self.deadline = NEVER
        self.json.decode = DECODE_ANY

    def command(self, sql: str) -> Coroutine[Any, Any, str]:
        """Runs SQL without parameters as it is; gives the last command's tag."""
        command: Coroutine[Any, Any, str] = self.driver.query(sql, None)
        return command

    async def learn_incarnation(self) -> None:
        """Asks once which life of which server this is; None where that can't be told.

        Outside a transaction, which a refusal would end. Then what is known of types is shared.
        """
        if self.knows_incarnation:
            return
        try:
            self.incarnation = await self._fetch_incarnation()
        except asyncpg.PostgresError as error:
            if lost(error, self.raw) or isinstance(error, asyncpg.QueryCanceledError):
                raise
            # Some managed servers hide the log's position: lost commits stay unknown there.
        self.knows_incarnation = True
        if self._types is not None:
            self.raw.known = self._types.of(self.incarnation)
        if self.learned is not None:
            self.learned(self)

    async def _fetch_incarnation(self) -> str | None:
        # Below the driver's methods, which refuse to run while another one looks up types.
        state = await self.driver.prepare(
            _INCARNATION_NAME.format(next(_attempts)),
            INCARNATION,
            None,
            record_class=asyncpg.Record,
            ignore_custom_codec=False,
        )
        state._init_types()
        state._init_codecs()
        rows = await self.bind_execute(state, (), "", 0, False, None)
        found: str | None = rows[0][0]
        return found

    async def prepare(self, statement: Statement) -> Any:
        """The prepared statement, made on the server if this connection doesn't hold it yet.

        Only needed where `start` gave None.
        """
        held = self.held
        prepared = held.get(statement)
        if prepared is None:
            self.prepared_at = monotonic()
            prepared = await self.raw.prepare(statement.sql)
            if not statement.clean:
                # It may call a function that does.
                self.named = self.names = True
            if self.full:
                del held[next(iter(held))]
        else:
            # Once it is full, the order matters: what is used moves to the end.
            del held[statement]
        held[statement] = prepared
        self.full = len(held) >= self.limit
        return prepared

    def forget(self, statement: Statement) -> bool:
        """Prepares the statement anew next time.

        Whether it had been prepared before what failed: the call, or the unit of work.
        """
        self.held.pop(statement, None)
        if statement is RAW:
            _cached(self.raw).clear()
        return self.prepared_at < self.since

    def learn_anew(self) -> bool:
        """Forgets the types, if they were known before what failed; whether they were."""
        before = self.raw.learned_at < self.since
        if before:
            self.forget_types()
        return before

    def forget_types(self) -> None:
        """What is known of types is wrong, and each held statement has its share of that.

        The connection ends when it is given back.
        """
        self.raw.get_settings().clear_type_cache()
        _cached(self.raw).clear()
        self.raw.known.forget()
        self.held.clear()
        self.full = False
        self.retire()

    def retire(self) -> None:
        """It ends when it is given back."""
        self.expires = -NEVER

    def expire(self) -> None:
        """Ends what runs: a polite cancel would hang where the server doesn't answer."""
        self.expired = True
        self.deadline = NEVER
        self.raw.terminate()

    def holder(self, now: float) -> str:
        """Who has this connection and since when, for messages."""
        doing = self.current or "nothing"
        if self.where is None:
            return f"{doing} for {now - self.since:.1f} s"
        return f"the unit of work of {self.where} for {now - self.since:.1f} s (last: {doing})"


def _driver(raw: asyncpg.Connection) -> Any:
    """What `PreparedStatement.fetch` ends in, without three coroutines that cost microseconds.

    `await bind_execute(prepared._state, args, portal, limit, True, None)` gives the rows, the
    command's tag as bytes, and whether it ran to its end (limit 0 is none);
    `await execute(prepared._state, portal, limit, True, None)` gives more of a named portal.
    """
    return raw._protocol  # type: ignore[attr-defined]


def _cached(raw: asyncpg.Connection) -> Any:
    """The statements that the driver itself has prepared, for raw calls."""
    return getattr(raw, "_stmt_cache")  # noqa: B009 (not in the stubs)
