"""What a database measures, as its settings say: sessions, a pool and what they tell."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from salacia_db.config import DatabaseSettings
from salacia_db.runtime.connections.connection import Connection
from salacia_db.runtime.units.hooks import Hooks
from salacia_db.runtime.units.transaction import Transaction
from salacia_db.runtime.watching.pool import WatchedPool, WatchedTransaction
from salacia_db.runtime.watching.sessions import WatchedPooledSession, WatchedTransactionSession
from salacia_db.runtime.watching.slow import Plans, SlowLog
from salacia_db.runtime.watching.telemetry import Telemetry, is_wanted
from salacia_db.runtime.watching.watcher import Sink, Tally, Watcher

if TYPE_CHECKING:
    from salacia_db.runtime.database import Database


class Watching:
    """Makes what takes the place of a plain pool, plain sessions and transactions."""

    @classmethod
    def of(
        cls, settings: DatabaseSettings, connect: Callable[[], Awaitable[Connection]]
    ) -> "Watching | None":
        """None where nothing is to be measured or logged."""
        telemetry = is_wanted(settings.telemetry)
        slow = settings.slow_statements is not None
        if not (telemetry or slow or settings.log_statements or settings.measure):
            return None
        return cls(settings, connect, telemetry=telemetry)

    def __init__(
        self,
        settings: DatabaseSettings,
        connect: Callable[[], Awaitable[Connection]],
        *,
        telemetry: bool,
    ) -> None:
        self.pool = WatchedPool(settings.pool, connect)
        self.tally = Tally()
        self._plans = Plans(connect) if settings.slow_plans else None
        self._telemetry = Telemetry(settings, self.pool) if telemetry else None
        sinks: list[Sink] = [self.tally]
        if settings.slow_statements is not None:
            sinks.append(SlowLog(settings.slow_statements, self._plans))
        if self._telemetry is not None:
            sinks.append(self._telemetry)
            self.pool.sink = self._telemetry
        self._watcher = Watcher(sinks, logs=settings.log_statements)

    def session(self, database: "Database[Any]") -> WatchedPooledSession:
        """What `db.<group>` runs on."""
        return WatchedPooledSession(database, self._watcher)

    def unit_session(
        self, transaction: Transaction, hooks: Hooks, *, limit: int = 0
    ) -> WatchedTransactionSession:
        """What `uow.<group>` runs on."""
        return WatchedTransactionSession(transaction, hooks, self._watcher, limit=limit)

    def transaction(self, *args: Any, **kwargs: Any) -> Transaction:
        """What a unit of work stands on."""
        return WatchedTransaction(*args, watcher=self._watcher, **kwargs)

    def retried(self) -> None:
        """A unit of work is run again."""
        if self._telemetry is not None:
            self._telemetry.retried()

    async def close(self) -> None:
        """Asks for no more plans."""
        if self._plans is not None:
            await self._plans.close()
