"""The pool: bare connections, handed out last in first out, with a deadline on every wait."""

import asyncio
import os
import random
from asyncio import get_running_loop
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from time import monotonic
from typing import Any
from weakref import WeakSet

import asyncpg

from salacia_db.config import PoolSettings
from salacia_db.runtime.connections.cleaning import clean
from salacia_db.runtime.connections.connection import NEVER, Connection
from salacia_db.runtime.connections.watchdog import Watchdog
from salacia_db.runtime.errors import (
    ConnectionFailed,
    PoolTimeout,
    UsageError,
    WrongEventLoop,
    WrongProcess,
)

# A connection whose call was cancelled, or that must be reset, gets so many seconds to recover.
_MEND = 2.0
_CLOSE = 2.0


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
        self._connect = connect
        self._free: list[Connection] = []
        self._waiters: deque[asyncio.Future[Connection]] = deque()
        self._connecting = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._maintenance: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Event | None = None
        self._inherited: list[Connection] = []

    # --- opening and closing ----------------------------------------------------------------------

    async def open(self) -> None:
        """Begins to lend on the running event loop, and opens `min` connections, at least one.

        So a server that can't be reached is noticed here. Raises `ConnectionFailed`.
        """
        if self._loop is not None and not self._closing:
            raise UsageError("the database is open already")
        self._loop = loop = get_running_loop()
        self._process = os.getpid()
        self._closing = False
        self.watchdog = Watchdog(loop, self.connections)
        _pools.add(self)
        try:
            opened = [await self.acquire() for _ in range(max(1, self.settings.min))]
        except BaseException:
            await self.close(0)
            raise
        for connection in opened:
            self.put(connection)
        self._schedule_maintenance()

    async def close(self, timeout: float) -> None:
        """Lends no more, waits so many seconds for what is in use, then ends it."""
        if self._loop is None or self._closing:
            return
        self.check()
        self._closing = True
        if self._maintenance is not None:
            self._maintenance.cancel()
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(self._misuse())
        self._emptied = asyncio.Event()
        for connection in self.connections:
            connection.expires = -NEVER
        while self._free:
            self._retire(self._free.pop())
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
        """A connection, within `acquire` seconds. Raises `PoolTimeout`, `ConnectionFailed`."""
        self.check()
        connection = self.take()
        if connection is not None:
            return connection
        loop = get_running_loop()
        waiter: asyncio.Future[Connection] = loop.create_future()
        self._waiters.append(waiter)
        self._grow()
        alarm = loop.call_later(self.settings.acquire, self._give_up, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            # Cancelled in the moment in which it was served.
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.put(waiter.result())
            raise
        finally:
            alarm.cancel()

    def put(self, connection: Connection) -> None:
        """Takes back a connection whose session is clean."""
        connection.deadline = NEVER
        connection.where = None
        connection.idle_since = now = monotonic()
        if self._waiters or now > connection.expires:
            self._hand_over(connection, now)
        else:
            self._free.append(connection)

    async def release(self, connection: Connection) -> None:
        """Takes back a connection, after a reset if it may need one."""
        if not connection.dirty:
            self.put(connection)
            return
        self.watchdog.arm(connection, _MEND)
        try:
            await clean(connection)
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
            self.watchdog.arm(connection, _MEND)
            self._spawn(self._mend(connection))

    def drop(self, connection: Connection) -> None:
        """Ends a connection, if that hasn't happened, and gives its place away."""
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        if connection in self._free:
            self._free.remove(connection)
        connection.raw.terminate()
        if self._closing:
            self._note_empty()
        else:
            self._grow()

    # --- inside -----------------------------------------------------------------------------------

    def _hand_over(self, connection: Connection, now: float) -> None:
        if now > connection.expires:
            self._retire(connection)
            return
        if connection.raw.is_closed():
            self.drop(connection)
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                connection.current = None
                connection.since = now
                waiter.set_result(connection)
                return
        self._free.append(connection)

    def _give_up(self, waiter: asyncio.Future[Connection]) -> None:
        if waiter.done():
            return
        now = monotonic()
        held = [c.holder(now) for c in self.connections if c not in self._free]
        waiting = sum(not w.done() for w in self._waiters)
        waiter.set_exception(
            PoolTimeout(
                f"no connection became free within {self.settings.acquire:g} s; {waiting} callers "
                f"wait, {self._connecting} connections are being opened, and of at most "
                f"{self.settings.max} these are in use: {'; '.join(held) or 'none'}"
            )
        )

    def _grow(self) -> None:
        """Opens connections for those who wait, as far as there is room."""
        room = self.settings.max - len(self.connections) - self._connecting
        if room <= 0 or not self._waiters:
            return
        wanted = sum(not w.done() for w in self._waiters) - self._connecting
        for _ in range(min(room, wanted)):
            self._open_one()

    def _open_one(self) -> None:
        self._connecting += 1
        self._spawn(self._add())

    async def _add(self) -> None:
        try:
            connection = await self._connect()
        except ConnectionFailed as error:
            self._connecting -= 1
            self._fail_one(error)
        except BaseException:
            self._connecting -= 1
            raise
        else:
            self._connecting -= 1
            self._welcome(connection)

    def _welcome(self, connection: Connection) -> None:
        # Not all at once: what was opened together must not end together.
        lifetime = self.settings.lifetime * random.uniform(0.9, 1.1)  # noqa: S311
        connection.expires = monotonic() + lifetime if not self._closing else -NEVER
        connection.watchdog = self.watchdog
        self.connections.add(connection)

        def ended(_: object) -> None:
            self.drop(connection)

        connection.raw.add_termination_listener(ended)
        self.put(connection)

    def _fail_one(self, error: ConnectionFailed) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(error)
                break
        self._grow()

    async def _mend(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(_MEND):
                # asyncpg waits here for what was cancelled, whose cancel may also come late. Until
                # its reply is there nobody knows the session's state: a BEGIN on its way may
                # still have succeeded.
                with suppress(asyncpg.QueryCanceledError, asyncpg.InFailedSQLTransactionError):
                    await connection.raw.execute("SELECT")
                await clean(connection)
        except Exception:
            self.drop(connection)
        except BaseException:
            self.drop(connection)
            raise
        else:
            self.put(connection)

    def _retire(self, connection: Connection) -> None:
        self._spawn(self._end(connection))

    async def _end(self, connection: Connection) -> None:
        try:
            await connection.raw.close(timeout=_CLOSE)
        except Exception:  # noqa: S110 - it is gone in any case
            pass
        finally:
            self.drop(connection)

    def _note_empty(self) -> None:
        if not self.connections and self._emptied is not None:
            self._emptied.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- maintenance ------------------------------------------------------------------------------

    def _schedule_maintenance(self) -> None:
        pause = min(max(self.settings.idle / 4, 0.05), 15.0)
        self._maintenance = get_running_loop().call_later(pause, self._maintain)

    def _maintain(self) -> None:
        now = monotonic()
        surplus = len(self.connections) - self.settings.min
        for connection in list(self._free):
            idle = surplus > 0 and now - connection.idle_since > self.settings.idle
            if idle or now > connection.expires:
                self._free.remove(connection)
                self._retire(connection)
                surplus -= 1
        for _ in range(self.settings.min - len(self.connections) - self._connecting):
            self._open_one()
        self._schedule_maintenance()

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
