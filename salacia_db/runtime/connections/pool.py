"""The pool: bare connections, handed out last in first out, with a deadline on every wait."""

import asyncio
import os
import random
from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from time import monotonic
from typing import Any
from weakref import WeakSet

import asyncpg

from salacia_db.config import PoolSettings
from salacia_db.runtime.connections.cleaning import clean
from salacia_db.runtime.connections.connection import NEVER, Connection
from salacia_db.runtime.connections.counts import Counts, PoolStats
from salacia_db.runtime.connections.opener import Opener
from salacia_db.runtime.connections.timelines import Timelines
from salacia_db.runtime.connections.upkeep import Upkeep, tell_abandoned
from salacia_db.runtime.connections.waiters import Waiter, Waiters, failed_for_good
from salacia_db.runtime.connections.watchdog import Watchdog
from salacia_db.runtime.errors import (
    ConnectionFailed,
    PoolDeadlock,
    PoolTimeout,
    UsageError,
    WrongEventLoop,
    WrongProcess,
    another,
)

# A connection whose call was cancelled, that must be reset or is checked, has so many seconds.
_MEND = 2.0
_GRACE = 0.25
_CLOSE = 2.0
# Between two attempts to reach a server that is away.
_LONGEST_PAUSE = 1.0
# What a check sends, without preparing anything, and the command's tag that tells all is well.
_ALIVE = ("SELECT", "SELECT 1")
_WRITABLE = (
    "SELECT 1 WHERE NOT pg_catalog.current_setting('transaction_read_only')::bool",
    "SELECT 1",
)


class Pool:
    """Lends connections.

    `take` gives a free one at once or None, `acquire` waits for one, first come first served;
    `put` takes a clean one back, `release` any, `mend` one whose call was cancelled, `drop` one
    that is of no more use. A slot is never lost: whatever leaves `connections` makes room.
    """

    def __init__(
        self, settings: PoolSettings, connect: Callable[[], Awaitable[Connection]]
    ) -> None:
        self.settings = settings
        self.connections: set[Connection] = set()
        self.counts = Counts()
        self._free: list[Connection] = []
        self._waiters = Waiters()
        # A caller who puts a connection back only looks whether it is empty.
        self._waiting = self._waiters.tasks
        self._opener = Opener(
            connect,
            self._spawn,
            # So that whoever waits sees an attempt, or several.
            longest_pause=min(_LONGEST_PAUSE, settings.acquire / 4),
            welcome=self._welcome,
            failed=self._not_opened,
            retry=self._grow,
        )
        self._upkeep = Upkeep(self)
        self._timelines = Timelines(self.connections, self.replace)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0
        self._patient = False
        self._closing = False
        self._ending: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._emptied: asyncio.Event | None = None
        self._inherited: list[Connection] = []

    # --- opening and closing ----------------------------------------------------------------------

    async def open(self) -> None:
        """Begins to lend on the running event loop, and opens `min` connections, at least one.

        So a server that can't be reached is noticed here, at once. Raises `ConnectionFailed`.
        """
        if self._loop is not None and not self._closing:
            raise UsageError("the database is open already")
        self._loop = loop = get_running_loop()
        self._process = os.getpid()
        self._closing = self._patient = False
        self._opener.reset()
        self.watchdog = Watchdog(loop, self.connections)
        _pools.add(self)
        try:
            opened = [await self.acquire() for _ in range(max(1, self.settings.min))]
        except BaseException:
            await self.close(0)
            raise
        for connection in opened:
            self.put(connection)
        self._patient = True
        self._upkeep.start()

    async def close(self, timeout: float) -> None:
        """Lends no more, waits so many seconds for what is in use, then ends it."""
        if self._loop is None or self._closing:
            return
        self.check()
        self._closing = True
        self._upkeep.stop()
        self._opener.reset()
        self._waiters.fail(self._misuse())
        self._emptied = asyncio.Event()
        for connection in self.connections:
            connection.expires = -NEVER
        while self._free:
            self.retire(self._free.pop())
        try:
            if self.connections and timeout > 0:
                async with asyncio.timeout(timeout):
                    await self._emptied.wait()
        except TimeoutError:
            pass
        finally:
            for connection in list(self.connections):
                connection.expire()
                self.drop(connection)
            self.watchdog.stop()
            for task in self._tasks:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- lending ----------------------------------------------------------------------------------

    def take(self) -> Connection | None:
        """A free connection, the one used last; None where one must wait (or open one)."""
        if get_running_loop() is not self._loop:
            raise self._misuse()
        free = self._free
        while free:
            connection = free.pop()
            if not connection.raw.is_closed():
                return connection
            self.drop(connection)
        return None

    async def acquire(self) -> Connection:
        """A connection, within `acquire` seconds.

        Raises `PoolTimeout`, `PoolDeadlock`, `ConnectionFailed`.
        """
        self.check()
        return self.take() or await self._wait()

    async def _wait(self) -> Connection:
        try:
            self._waiters.refuse_deadlock(self.connections, self.settings.max)
        except PoolDeadlock:
            self.counts.deadlocks += 1
            raise
        hopeless = self._opener.hopeless
        if hopeless is not None and not self.connections:
            raise another(hopeless)
        self.counts.waited += 1
        waiter = self._waiters.join()
        self._grow()
        alarm = get_running_loop().call_later(self.settings.acquire, self._give_up, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            # Cancelled in the moment in which it was served.
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.put(waiter.result())
            raise
        finally:
            alarm.cancel()
            self._waiters.leave(waiter)

    def put(self, connection: Connection) -> None:
        """Takes back a connection whose session is clean."""
        connection.deadline = NEVER
        connection.where = None
        connection.idle_since = now = monotonic()
        if self._waiting or now > connection.expires:
            self._hand_over(connection, now)
        else:
            self._free.append(connection)

    async def release(self, connection: Connection) -> None:
        """Takes back a connection, after a reset if it may need one."""
        if not connection.dirty:
            self.put(connection)
            return
        # The caller waits for it, and had a deadline.
        left = max(connection.deadline - monotonic(), _GRACE)
        self.watchdog.arm(connection, min(left, _MEND))
        try:
            await self._clean(connection)
        except asyncio.CancelledError:
            self.mend(connection)
            raise
        except Exception:
            self.drop(connection)
        else:
            self.put(connection)

    def mend(self, connection: Connection) -> None:
        """Takes back a connection in whatever state; it is lent again once it is in order."""
        if connection.raw.is_closed():
            self.drop(connection)
        else:
            self.counts.cancelled += 1
            self._occupy(connection, "its cleaning")
            self._spawn(self._mend(connection))

    def drop(self, connection: Connection) -> None:
        """Ends a connection, if that hasn't happened, and gives its place away.

        Where it broke, those that idle may have broken, too: they are checked.
        """
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        self.counts.closed += 1
        if connection in self._free:
            self._free.remove(connection)
        connection.raw.terminate()
        if self._closing:
            self._note_empty()
            return
        if connection not in self._ending:
            self.counts.broken += 1
            self.check_idle()
        self._grow()

    def doubt(self, connection: Connection) -> None:
        """For a server that refused to write: a new connection may lead to another one.

        This one ends once it is given back, and so do those of the idle ones that can't write.
        """
        connection.expires = -NEVER
        self._check(self.idle(), _WRITABLE)

    def replace(self, connections: list[Connection]) -> None:
        """Ends connections to a wrong server, those in use once they are given back."""
        for connection in connections:
            connection.expires = -NEVER
        for connection in self.idle(lambda c: c in connections):
            self.retire(connection)

    def abandoned(self, connection: Connection) -> None:
        """Takes back what a unit of work holds that nobody can reach any more. From any thread."""
        if self._loop is not None:
            connection.task = None
            with suppress(RuntimeError):  # the event loop is closed, and all with it
                self._loop.call_soon_threadsafe(self._take_back, connection)

    def stats(self) -> PoolStats:
        """The state of the pool, and what it has counted."""
        idle = len(self._free)
        counts = {name: getattr(self.counts, name) for name in Counts.__slots__}
        return PoolStats(
            max=self.settings.max,
            open=len(self.connections),
            in_use=len(self.connections) - idle,
            idle=idle,
            opening=self._opener.opening,
            waiting=len(self._waiters),
            acquired=self.lendings(),
            **counts,
        )

    def lendings(self) -> int | None:
        """How often a connection was lent; None, since that isn't counted here."""
        return None

    # --- for upkeep -------------------------------------------------------------------------------

    def idle(self, wanted: Callable[[Connection], bool] | None = None) -> list[Connection]:
        """Takes those of the free connections that are wanted, by default all."""
        found = [c for c in self._free if wanted is None or wanted(c)]
        for connection in found:
            self._free.remove(connection)
        return found

    def check_idle(self, wanted: Callable[[Connection], bool] | None = None) -> None:
        """Asks free connections for a sign of life; what gives none in time is replaced."""
        self._check(self.idle(wanted), _ALIVE)

    def lent(self) -> list[Connection]:
        """Those in use."""
        free = set(self._free)
        return [c for c in self.connections if c not in free]

    def fill(self) -> None:
        """Opens what is missing to the minimum."""
        self._opener.open(self.settings.min - len(self.connections) - self._opener.opening)

    def retire(self, connection: Connection) -> None:
        """Ends a connection that is in order."""
        self._ending.add(connection)
        self._occupy(connection, "its closing")
        self._spawn(self._end(connection))

    # --- inside -----------------------------------------------------------------------------------

    def _hand_over(self, connection: Connection, now: float) -> None:
        if now > connection.expires:
            self.retire(connection)
        elif connection.raw.is_closed():
            self.drop(connection)
        else:
            connection.current = None
            connection.since = now
            if not self._waiters.serve(connection):
                self._free.append(connection)

    def _give_up(self, waiter: Waiter) -> None:
        if waiter.done():
            return
        settings, trouble, now = self.settings, self._opener.trouble, monotonic()
        if trouble is not None and not self.connections:
            waiter.set_exception(failed_for_good(trouble, settings.acquire))
            return
        self.counts.timeouts += 1
        held = [connection.holder(now) for connection in self.lent()]
        message = (
            f"no connection became free within {settings.acquire:g} s; {len(self._waiters)} "
            f"callers wait, {self._opener.opening} connections are being opened, and of at most "
            f"{settings.max} these are in use: {'; '.join(held) or 'none'}"
        )
        if trouble is not None:
            message += f"; the last attempt to open one: {trouble}"
        waiter.set_exception(PoolTimeout(message))

    def _grow(self) -> None:
        """Opens connections for those who wait, as far as there is room."""
        opening = self._opener.opening
        room = self.settings.max - len(self.connections) - opening
        self._opener.open(min(room, len(self._waiters) - opening))

    def _welcome(self, connection: Connection, seconds: float) -> None:
        # Not all at once: what was opened together must not end together.
        lifetime = self.settings.lifetime * random.uniform(0.9, 1.1)  # noqa: S311
        connection.expires = monotonic() + lifetime if not self._closing else -NEVER
        connection.watchdog = self.watchdog
        if not connection.wanders:
            connection.learned = self._timelines.learned
        self.connections.add(connection)
        self.counts.opened += 1

        def ended(_: object) -> None:
            self.drop(connection)

        connection.raw.add_termination_listener(ended)
        self.put(connection)
        self._grow()

    def _not_opened(self, error: ConnectionFailed) -> None:
        self.counts.failed += 1
        if not self._patient or (not error.retry_safe and not self.connections):
            self._waiters.fail(error)

    def _occupy(self, connection: Connection, what: str) -> None:
        """Keeps it for a moment that is nobody's call, and that must end soon."""
        connection.where = None
        connection.current = what
        connection.since = monotonic()
        self.watchdog.arm(connection, _MEND)

    def _take_back(self, connection: Connection) -> None:
        if connection in self.connections and connection.where is not None:
            self.counts.leaked += 1
            tell_abandoned(connection)
            self.mend(connection)

    async def _clean(self, connection: Connection) -> None:
        await clean(connection)
        self.counts.reset += 1

    async def _mend(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(_MEND):
                # asyncpg waits here for what was cancelled, whose cancel may also come late. Until
                # its reply is there nobody knows the session's state: a BEGIN on its way may
                # still have succeeded.
                with suppress(asyncpg.QueryCanceledError, asyncpg.InFailedSQLTransactionError):
                    await connection.raw.execute("SELECT")
                await self._clean(connection)
        except Exception:
            self.drop(connection)
        except BaseException:
            self.drop(connection)
            raise
        else:
            self.put(connection)

    def _check(self, connections: list[Connection], question: tuple[str, str]) -> None:
        for connection in connections:
            self._occupy(connection, "a check")
            self._spawn(self._ask(connection, *question))

    async def _ask(self, connection: Connection, sql: str, answer: str) -> None:
        idle_since = connection.idle_since
        try:
            right = await connection.raw.execute(sql) == answer
        except Exception:
            self.drop(connection)
        except BaseException:
            self.drop(connection)
            raise
        else:
            if right:
                self.put(connection)
                # It was of no use to anybody meanwhile.
                connection.idle_since = idle_since
            else:
                self.retire(connection)

    async def _end(self, connection: Connection) -> None:
        try:
            await connection.raw.close(timeout=_CLOSE)
        except Exception:  # noqa: S110 - it is gone in any case
            pass
        finally:
            self.drop(connection)
            self._ending.discard(connection)

    def _note_empty(self) -> None:
        if not self.connections and self._emptied is not None:
            self._emptied.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- misuse -----------------------------------------------------------------------------------

    def check(self) -> None:
        """Raises `UsageError` where nothing can be lent: closed, another event loop or process."""
        if self._closing or get_running_loop() is not self._loop:
            raise self._misuse()

    def _misuse(self) -> UsageError:
        if self._loop is None:
            return UsageError("the database is not open: use `async with`, or `await db.open()`")
        if self._process != os.getpid():
            return WrongProcess(
                "the database was opened before this process was forked: open one in each process"
            )
        if self._closing:
            return UsageError("the database is closed")
        return WrongEventLoop(
            "the database was opened on another event loop: open one on each loop"
        )

    def abandon(self, nowhere: int) -> None:
        """In a forked child: what was inherited is kept, unusable, and reaches no server."""
        self._inherited = list(self.connections)
        for connection in self._inherited:
            connection.raw.sever(nowhere)
        self._free = []


_pools: WeakSet[Pool] = WeakSet()


def _after_fork() -> None:
    if _pools:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for pool in _pools:
            pool.abandon(nowhere)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
