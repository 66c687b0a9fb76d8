"""What happens to messages, told to whoever follows them, in this process and in others.

Whoever writes a message leaves an event in the same transaction (migration 0020). Each process that
has followers reads them from there, in an order that misses no late commit, and tells them from
memory. A notification only says that there is something to read: where it is lost, or the
connection that listens, the next look finds it all the same.
"""

import asyncio
import logging
from asyncio import Task
from bisect import bisect_right
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from random import uniform
from time import monotonic
from types import TracebackType
from typing import Self

import asyncpg
from msgspec.structs import astuple

from salacia import Database, Message
from salacia.message_events import MessageEventsSettledRow
from salacia_db.gateway import upkeep
from salacia_db.gateway.subscription import Batch, Event, EventName, Position, Subscription, gap
from salacia_db.gateway.wire import camel_class
from salacia_db.runtime import SalaciaError, UsageError
from salacia_db.web import encode_json

_CHANNEL = "salacia_message_events"
_NAMES: dict[str, EventName] = {"created": "message:created", "updated": "message:updated"}
_BATCH = 1000
_AGAIN = 1.0
_MESSAGE = camel_class(Message)
# Where the message begins in a row: its id is the event's.
_KEY = MessageEventsSettledRow.__struct_fields__.index("message_id")
assert MessageEventsSettledRow.__struct_fields__[_KEY + 1 :] == Message.__struct_fields__[1:]

_log = logging.getLogger("salacia_db.gateway")


class MessageEvents:
    """`async with MessageEvents(db) as events`: reads what happens for as long as it is open.

    The last `buffer` events are kept in memory for followers who come back; whoever is further
    behind, or has more than `limit` waiting, is told of a gap. `poll` and `pause` are seconds: how
    long without a notification until it looks by itself, and how long events are gathered. Events
    older than `keep` are taken from the database. Through a pooler in transaction mode, which lets
    nobody listen, it only looks by itself.
    """

    def __init__(
        self,
        database: Database,
        *,
        buffer: int = 10_000,
        limit: int = 10_000,
        poll: float = 0.5,
        pause: float = 0.05,
        keep: timedelta = timedelta(minutes=10),
    ) -> None:
        self._database = database
        self._events: deque[Event] = deque()
        self._buffer = buffer
        self._limit = limit
        self._poll = poll
        self._pause = pause
        self._keep = keep
        # What was told last, and what was just before the first that is in memory.
        self._from = self._to = Position(0, 0)
        self._seen = 0.0
        self._reading = asyncio.Lock()
        self._followers: set[Subscription] = set()
        self._woken = asyncio.Event()
        self._tasks: list[Task[None]] = []

    # --- opening and closing ----------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self._begin()
        pooled = self._database.settings.pooler is not None
        works = (self._read, self._poll_only if pooled else self._listen, self._tidy)
        self._tasks = [asyncio.create_task(_forever(work)) for work in works]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for follower in self._followers:
            follower.close()

    async def subscribe(self, after: str | None = None) -> Subscription:
        """What happens from now on, or behind the event that has this `id`.

        Where what follows that event isn't known any more, or it is no event of this database, the
        first that is told is a `gap`. Raises `UsageError` where this isn't open.
        """
        if not self._tasks:
            raise UsageError("message events are not open: use `async with`")
        told = None if after is None else Position.read(after)
        ahead = told is not None and told > self._to
        # Another process may have told of what this one hasn't read yet; else it is foreign.
        if told is not None and ahead and told.xid >= await self._horizon():
            told = None
        follower = Subscription(self._followers.discard, self._limit)
        follower.start(told, self._missed(after, told))
        self._followers.add(follower)
        return follower

    @property
    def position(self) -> Position:
        """What was told last."""
        return self._to

    def _missed(self, after: str | None, told: Position | None) -> Sequence[Event]:
        if after is None:
            return ()
        if told is None or told < self._from:
            return (gap(self._to),)
        events = list(self._events)
        return events[bisect_right(events, told, key=lambda event: event.position) :]

    # --- reading ----------------------------------------------------------------------------------

    async def _begin(self) -> None:
        """What followers may have missed that come from another process, or another life of it."""
        # In this order: what is decided between the two is read as new.
        start = Position.before(await self._horizon())
        first = await self._database.message_events.first_of_latest(limit=self._buffer)
        self._events.clear()
        self._from = self._to = start if first is None else Position(first.xid, first.id - 1)
        while len(self._events) < self._buffer and len(await self._next()) == _BATCH:
            pass
        self._seen = monotonic()

    async def _horizon(self) -> int:
        return await self._database.message_events.horizon()

    async def _read(self) -> None:
        while True:
            async with self._reading:
                found = await self._read_once()
            if 0 < found < _BATCH:
                await asyncio.sleep(self._pause)
            elif not found:
                await self._notified()

    async def _read_once(self) -> int:
        if monotonic() - self._seen > self._keep.total_seconds():
            await self._begin_anew()  # some may have been taken away unread
        events = await self._next()
        if events:
            batch = Batch.of(events)
            for follower in self._followers:
                follower.put(batch)
        self._seen = monotonic()
        return len(events)

    async def _begin_anew(self) -> None:
        await self._begin()
        for follower in self._followers:
            follower.lose(self._to)

    async def _next(self) -> list[Event]:
        """The events behind those that are known, which are known from now on."""
        rows = await self._database.message_events.settled(
            after_xid=self._to.xid, after_id=self._to.id, limit=_BATCH
        )
        events = [_event(row) for row in rows]
        if events:
            self._to = events[-1].position
            self._events.extend(events)
            while len(self._events) > self._buffer:
                self._from = self._events.popleft().position
        return events

    async def _notified(self) -> None:
        try:
            async with asyncio.timeout(self._poll):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    # --- listening and tidying --------------------------------------------------------------------

    async def _listen(self) -> None:
        async with self._database.listen(_CHANNEL) as notifications:
            await self._look()
            async for notification in notifications:
                if notification.missed:
                    await self._look()
                self._woken.set()

    async def _poll_only(self) -> None:
        """Through a pooler in transaction mode nobody can listen."""
        while True:
            await self._look()
            await asyncio.sleep(_AGAIN)

    async def _look(self) -> None:
        """A server that was restored, or promoted without the last commits, counts anew."""
        async with self._reading:
            if await self._horizon() <= self._to.xid:
                await self._begin_anew()
        self._woken.set()

    async def _tidy(self) -> None:
        while True:
            # Not all processes at once.
            await asyncio.sleep(uniform(0.5, 1.5) * min(60.0, self._keep.total_seconds()))  # noqa: S311
            await upkeep.forget_events(self._database, self._keep)


def _event(row: MessageEventsSettledRow) -> Event:
    """The event with its message, encoded once for all who follow."""
    position, name = Position(row.xid, row.id), _NAMES[row.kind]
    if row.created_at is None:
        message, data = None, encode_json({"id": row.message_id})
    else:
        values = astuple(row)[_KEY:]
        message, data = Message(*values), encode_json(_MESSAGE(*values))
    frame = b"id: %b\nevent: %b\ndata: %b\n\n" % (str(position).encode(), name.encode(), data)
    return Event(position, name, row.message_id, message, frame)


async def _forever(work: Callable[[], Awaitable[None]]) -> None:
    """Begins again after whatever the server or the network does; bugs are told, too."""
    while True:
        try:
            await work()
        except (SalaciaError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            _log.warning("message events: %s; trying again", type(error).__name__)
        except Exception:
            _log.exception("message events failed; trying again")
        await asyncio.sleep(_AGAIN)
