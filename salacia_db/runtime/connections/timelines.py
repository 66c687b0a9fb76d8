"""Timelines: which of two servers that were one has been promoted since, and who still leads to
the other.
"""

import logging
from collections.abc import Callable, Iterable
from typing import NamedTuple

from salacia_db.runtime.connections.connection import Connection

_log = logging.getLogger("salacia_db.pool")


class Timeline(NamedTuple):
    """A timeline of a cluster: each promotion of a standby begins the next one."""

    system: str
    number: int

    @classmethod
    def of(cls, connection: Connection) -> "Timeline | None":
        """The one that a connection's server is on; None where that isn't known."""
        if connection.incarnation is None:
            return None
        system, _, number = connection.incarnation.partition("/")[0].rpartition(".")
        return cls(system, int(number, 16))


class Timelines:
    """Compares the servers that a pool's connections lead to, as each is asked who it is.

    After a failover the old primary may live on, unknowing. What is written to it is lost, so its
    connections are given to `replace` as soon as one leads to its successor. It is only reported
    where a new connection leads to the old server again: nobody here knows who is right.
    """

    def __init__(
        self, connections: Iterable[Connection], replace: Callable[[list[Connection]], None]
    ) -> None:
        self._connections = connections
        self._replace = replace
        self._latest: Timeline | None = None

    def learned(self, connection: Connection) -> None:
        """A connection's server has just been asked who it is."""
        found, latest = Timeline.of(connection), self._latest
        if found is None or found == latest:
            return
        if latest is None or found.system != latest.system:
            self._latest = found
        elif found.number > latest.number:
            self._latest = found
            self._leave(found)
        else:
            _log.warning(
                "two primaries: a new connection leads to timeline %d, though a standby was "
                "promoted to timeline %d before; what is written there may be lost",
                *(found.number, latest.number),
            )

    def _leave(self, latest: Timeline) -> None:
        old = [
            connection
            for connection in self._connections
            if (found := Timeline.of(connection)) is not None
            and found.system == latest.system
            and found.number < latest.number
        ]
        if old:
            _log.warning(
                "a standby was promoted to timeline %d, and the primary before it still answers: "
                "its connections, %d, are replaced",
                *(latest.number, len(old)),
            )
            self._replace(old)
