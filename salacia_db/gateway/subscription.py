"""What one follower of messages has yet to be told: a queue with an end."""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self, TypeAlias
from uuid import UUID

from msgspec import Struct

from salacia import Message

EventName: TypeAlias = Literal["message:created", "message:updated", "gap"]


class Position(NamedTuple):
    """The place of an event in the order of all."""

    xid: int
    id: int

    @classmethod
    def read(cls, text: str) -> "Position | None":
        """The position that an event's `id` stands for; None for what isn't one."""
        found = re.fullmatch(r"([0-9]{1,20})-([0-9]{1,19})", text)
        return None if found is None else cls(int(found[1]), int(found[2]))

    @classmethod
    def before(cls, xid: int) -> "Position":
        """The last place before those of a transaction."""
        return cls(xid - 1, 2**63 - 1)

    def __str__(self) -> str:
        return f"{self.xid}-{self.id}"


class Event(Struct, frozen=True):
    """Something that happened to a message, and is committed.

    `message` is how it stands when this is told, None where it is gone. `frame` is the event as
    server-sent events have it. A `gap` has no message: events were lost on the way to this
    follower, who has to read the list again.
    """

    position: Position
    name: EventName
    message_id: UUID | None
    message: Message | None
    frame: bytes

    @property
    def id(self) -> str:
        """What to subscribe after, in order to be told what follows."""
        return str(self.position)


class Batch(Struct, frozen=True):
    """Events that are told together, and their frames in one piece."""

    events: tuple[Event, ...]
    frame: bytes

    @classmethod
    def of(cls, events: Sequence[Event]) -> "Batch":
        """A batch of these."""
        return cls(tuple(events), b"".join(event.frame for event in events))

    def after(self, position: Position | None) -> "Batch":
        """What of it lies behind a position."""
        if position is None or self.events[0].position > position:
            return self
        return self.of([event for event in self.events if event.position > position])

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)


def gap(position: Position) -> Event:
    """The event that says that some before this position were lost."""
    frame = f"id: {position}\nevent: gap\ndata: {{}}\n\n".encode()
    return Event(position, "gap", None, None, frame)


class Subscription:
    """`async with events.subscribe() as batches: async for batch in batches`.

    A follower who is `limit` events behind loses them, and is told so by a `gap`. Waiting for the
    next batch can be cancelled without losing one. It ends when the events are closed.
    """

    def __init__(self, forget: Callable[["Subscription"], Any], limit: int) -> None:
        self._forget = forget
        self._limit = limit
        self._queue: deque[Batch] = deque()
        self._waiting = 0
        self._ready = asyncio.Event()
        self._closed = False
        self._told: Position | None = None

    def start(self, told: Position | None, missed: Sequence[Event]) -> None:
        """What it knows already, and what it missed."""
        self._told = told
        if missed:
            self._append(Batch.of(missed))

    def put(self, batch: Batch) -> None:
        """Queues what happened. Never waits."""
        batch = batch.after(self._told)
        if not batch.events:
            return
        self._told = None
        if self._waiting + len(batch.events) > self._limit:
            self.lose(batch.events[-1].position)
        else:
            self._append(batch)

    def lose(self, position: Position) -> None:
        """Forgets what is queued, and tells that what was up to this position is lost."""
        self._queue.clear()
        self._waiting = 0
        self._told = None
        self._append(Batch.of([gap(position)]))

    def close(self) -> None:
        """Ends it once what is queued has been told."""
        self._closed = True
        self._ready.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._forget(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            self._ready.clear()
            await self._ready.wait()
        batch = self._queue.popleft()
        self._waiting -= len(batch.events)
        return batch

    def _append(self, batch: Batch) -> None:
        self._queue.append(batch)
        self._waiting += len(batch.events)
        self._ready.set()
