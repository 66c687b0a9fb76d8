"""Opening connections: as many as wanted, but a server that is away is not hammered."""

import asyncio
import logging
import random
from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Coroutine
from time import monotonic
from typing import Any

from salacia_db.runtime.connections.connection import Connection
from salacia_db.runtime.errors import ConnectionFailed
from salacia_db.texts import printable

_log = logging.getLogger("salacia_db.pool")

# After a failure there is a pause, twice as long each time, and then a single attempt.
_FIRST_PAUSE = 0.05


class Opener:
    """Opens connections in tasks of their own.

    `opening` so many are on their way. `trouble` is why the last attempt failed, None where it
    didn't. `welcome` is given each connection and the seconds that it took, `failed` each failure,
    `retry` is called when another attempt may be made.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        *,
        longest_pause: float,
        welcome: Callable[[Connection, float], None],
        failed: Callable[[ConnectionFailed], None],
        retry: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._spawn = spawn
        self._welcome = welcome
        self._failed = failed
        self._retry = retry
        self._longest_pause = longest_pause
        self._pause = _FIRST_PAUSE
        self._pausing: asyncio.TimerHandle | None = None
        self.opening = 0
        self.trouble: ConnectionFailed | None = None

    @property
    def hopeless(self) -> ConnectionFailed | None:
        """What just went wrong, where waiting doesn't help: a wrong password, say."""
        trouble = self.trouble
        waits = self._pausing is not None and trouble is not None and not trouble.retry_safe
        return trouble if waits else None

    def open(self, wanted: int) -> None:
        """Begins to open so many more; in trouble, one at most, and none before its time."""
        if self.trouble is not None:
            wanted = 0 if self._pausing is not None or self.opening else min(wanted, 1)
        for _ in range(wanted):
            self.opening += 1
            self._spawn(self._open())

    def reset(self) -> None:
        """Forgets what went wrong, and tries no more by itself."""
        if self._pausing is not None:
            self._pausing.cancel()
            self._pausing = None
        self._pause = _FIRST_PAUSE
        self.trouble = None

    async def _open(self) -> None:
        began = monotonic()
        try:
            connection = await self._connect()
        except ConnectionFailed as error:
            self.opening -= 1
            self._wait(error)
            self._failed(error)
        except BaseException:
            self.opening -= 1
            raise
        else:
            self.opening -= 1
            if self.trouble is not None:
                _log.info("the server can be reached again")
            self.reset()
            self._welcome(connection, monotonic() - began)

    def _wait(self, error: ConnectionFailed) -> None:
        if self.trouble is None:
            _log.warning("%s", printable(str(error)))
        self.trouble = error
        if self._pausing is None:
            # Not all processes at once: those that lost their connections together come back so.
            pause = self._pause * random.uniform(0.5, 1.0)  # noqa: S311
            self._pausing = get_running_loop().call_later(pause, self._again)
            self._pause = min(self._pause * 2, self._longest_pause)

    def _again(self) -> None:
        self._pausing = None
        self._retry()
