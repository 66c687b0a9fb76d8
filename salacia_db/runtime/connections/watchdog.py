"""The watchdog: one timer for the deadlines of all connections, instead of one per call."""

import asyncio
from collections.abc import Iterable
from time import monotonic

from salacia_db.runtime.connections.connection import NEVER, Connection


class Watchdog:
    """Ends what runs past its deadline.

    A call writes its deadline to its connection and looks at `next_at`; only where that lies
    later is the timer set anew. Most calls end long before, and when the timer fires it finds the
    then earliest deadline. So a call costs one comparison.
    """

    __slots__ = ("_connections", "_handle", "_loop", "next_at")

    def __init__(self, loop: asyncio.AbstractEventLoop, connections: Iterable[Connection]) -> None:
        self._loop = loop
        self._connections = connections
        self._handle: asyncio.TimerHandle | None = None
        self.next_at = NEVER

    def arm(self, connection: Connection, seconds: float) -> None:
        """From now, the connection has so many seconds."""
        connection.deadline = deadline = monotonic() + seconds
        if deadline < self.next_at:
            self.schedule(deadline)

    def schedule(self, deadline: float) -> None:
        """Looks at the deadlines at that time at the latest."""
        self.stop()
        self.next_at = deadline
        self._handle = self._loop.call_later(max(0.0, deadline - monotonic()), self._look)

    def stop(self) -> None:
        """Sets no further alarm until the next call arms one."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self.next_at = NEVER

    def _look(self) -> None:
        self._handle = None
        self.next_at = NEVER
        now = monotonic()
        earliest = NEVER
        for connection in list(self._connections):
            if connection.deadline <= now:
                connection.expire()
            else:
                earliest = min(earliest, connection.deadline)
        if earliest < NEVER:
            self.schedule(earliest)
