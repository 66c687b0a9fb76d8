"""Upkeep: what is old or idle is closed, what idles is checked, what is kept too long is told."""

import asyncio
import logging
from asyncio import get_running_loop
from time import monotonic
from typing import TYPE_CHECKING

from salacia_db.runtime.connections.connection import Connection
from salacia_db.texts import printable

if TYPE_CHECKING:
    from salacia_db.runtime.connections.pool import Pool

_log = logging.getLogger("salacia_db.pool")


class Upkeep:
    """Looks after a pool's connections every few seconds."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Looks from now on, until `stop`."""
        settings = self._pool.settings
        times = [settings.idle, settings.check, settings.leak]
        pause = min(max(min(t for t in times if t is not None) / 4, 0.05), 15.0)
        self._timer = get_running_loop().call_later(pause, self._again)

    def stop(self) -> None:
        """Looks no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _again(self) -> None:
        try:
            self._look()
        finally:
            self.start()

    def _look(self) -> None:
        pool, settings, now = self._pool, self._pool.settings, monotonic()
        surplus = len(pool.connections) - settings.min

        def unneeded(connection: Connection) -> bool:
            nonlocal surplus
            idle = surplus > 0 and now - connection.idle_since > settings.idle
            if idle or now > connection.expires:
                surplus -= 1
                return True
            return False

        for connection in pool.idle(unneeded):
            pool.retire(connection)
        if settings.check is not None:
            quiet = now - settings.check
            pool.check_idle(lambda c: max(c.idle_since, c.since) < quiet)
        if settings.leak is not None:
            self._tell_leaks(now, settings.leak)
        pool.fill()

    def _tell_leaks(self, now: float, leak: float) -> None:
        for connection in self._pool.lent():
            if now - connection.since > leak and connection.told != connection.since:
                connection.told = connection.since
                self._pool.counts.leaked += 1
                _log.warning(
                    "a connection is held by %s; is that ever ended?",
                    printable(connection.holder(now)),
                )


def tell_abandoned(connection: Connection) -> None:
    """For a unit of work that was garbage collected while it was open."""
    _log.warning(
        "the unit of work of %s was never ended, and is garbage now; it is rolled back",
        printable(str(connection.where)),
    )
