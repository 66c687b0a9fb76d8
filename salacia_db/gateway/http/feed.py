"""Statistics for whoever watches them: counted once for all, and only while somebody does."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from salacia import Database
from salacia_db.gateway import statistics
from salacia_db.gateway.events import MessageEvents
from salacia_db.gateway.wire import camel
from salacia_db.web import encode_json


class StatisticsFeed:
    """Frames of server-sent events with the figures of all messages, a new one as they change.

    Not more often than every `interval` seconds, and every `refresh` seconds though nothing
    happened, since periods move on.
    """

    def __init__(
        self,
        database: Database,
        events: MessageEvents,
        *,
        interval: float = 1.0,
        refresh: float = 30.0,
    ) -> None:
        self._database = database
        self._events = events
        self._interval = interval
        self._refresh = refresh
        self._watchers = 0
        self._task: asyncio.Task[None] | None = None
        self._frame = b""
        self._failed: BaseException | None = None
        self._changed = asyncio.Event()

    async def frames(self) -> AsyncGenerator[bytes]:
        """The figures as they are, then as they change. Raises what counting them raised."""
        self._watchers += 1
        try:
            if self._task is None:
                self._frame, self._failed = b"", None
                self._task = asyncio.create_task(self._count())
            last = b""
            while True:
                while self._frame is last or not self._frame:
                    if self._failed is not None:
                        raise self._failed
                    await self._changed.wait()
                last = self._frame
                yield last
        finally:
            self._watchers -= 1
            if not self._watchers and self._task is not None:
                self._task.cancel()
                with suppress(asyncio.CancelledError):
                    await self._task
                self._task = None

    async def _count(self) -> None:
        try:
            while True:
                async with await self._events.subscribe() as batches:
                    figures = await statistics.dashboard(self._database)
                    data = encode_json(camel(figures))
                    self._tell(b"event: statistics\ndata: %b\n\n" % data)
                    await asyncio.sleep(self._interval)
                    with suppress(TimeoutError, StopAsyncIteration):
                        async with asyncio.timeout(self._refresh):
                            await anext(batches)
        except Exception as error:
            self._failed, self._task = error, None
            self._tell(b"")

    def _tell(self, frame: bytes) -> None:
        self._frame = frame
        self._changed.set()
        self._changed = asyncio.Event()
