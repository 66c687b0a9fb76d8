"""A pool and transactions that are measured, too."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Protocol

from salacia_db.config import PoolSettings
from salacia_db.runtime.connections.connection import Connection
from salacia_db.runtime.connections.pool import Pool
from salacia_db.runtime.units.transaction import COMMIT, Frame, Transaction
from salacia_db.runtime.watching.watcher import Watcher


class PoolSink(Protocol):
    """What wants to know how long connections take."""

    def opened(self, seconds: float) -> None:
        """A connection was opened, in so many seconds."""
        ...

    def waited(self, seconds: float) -> None:
        """A caller waited so long for a connection."""
        ...


class WatchedPool(Pool):
    """Counts what is lent, and tells a sink, if there is one, of what takes time."""

    def __init__(
        self, settings: PoolSettings, connect: Callable[[], Awaitable[Connection]]
    ) -> None:
        super().__init__(settings, connect)
        self.sink: PoolSink | None = None
        self._lent = 0

    def take(self) -> Connection | None:
        connection = super().take()
        if connection is not None:
            self._lent += 1
        return connection

    def lendings(self) -> int:
        """How often a connection was lent."""
        return self._lent

    async def _wait(self) -> Connection:
        began = monotonic()
        connection = await super()._wait()
        self._lent += 1
        if self.sink is not None:
            self.sink.waited(monotonic() - began)
        return connection

    def _welcome(self, connection: Connection, seconds: float) -> None:
        if self.sink is not None:
            self.sink.opened(seconds)
        super()._welcome(connection, seconds)


class WatchedTransaction(Transaction):
    """Tells how long its COMMIT took."""

    __slots__ = ("_watcher",)

    def __init__(self, *args: Any, watcher: Watcher, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watcher = watcher

    async def _commit(self, connection: Connection, frame: Frame) -> asyncio.CancelledError | None:
        return await self._watcher.timed_commit(COMMIT, super()._commit(connection, frame))
