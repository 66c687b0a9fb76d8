"""Listening: what NOTIFY sends, on a connection beside the pool, replaced where it breaks."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import asyncpg
from msgspec import Struct

from salacia_db.runtime.connections.connection import Connection
from salacia_db.runtime.connections.failures import database_error
from salacia_db.runtime.connections.loss import from_server, lost
from salacia_db.runtime.errors import ConnectionFailed, DatabaseError, SalaciaError, UsageError
from salacia_db.runtime.place import caller

# So many bytes of a name the server keeps.
_NAME = 63
# A connection that a firewall has forgotten tells so only when it is used.
_PULSE = 30.0
# So long the server may take to answer it, or LISTEN.
_ANSWER = 10.0
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0


class Notification(Struct, frozen=True):
    """What NOTIFY sent. `pid` is the sender's server process.

    `missed`: notifications may have been lost before this one, since the connection was, or since
    more came than were read. Then `channel` and `payload` are "", and `pid` is 0.
    """

    channel: str
    payload: str
    pid: int = 0
    missed: bool = False


_MISSED = Notification("", "", missed=True)


class Listener:
    """`async with db.listen("jobs") as notifications`, then `async for notification in …`.

    It has a connection of its own beside the pool's. Whoever sends in a transaction is heard once
    that commits. Where the connection is lost, another one is opened, and a notification whose
    `missed` is true says that some may have been lost: look for yourself then.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        channels: tuple[str, ...],
        *,
        limit: int,
    ) -> None:
        _check(channels, limit)
        self._connect = connect
        self._channels = channels
        self._limit = limit
        self._where = caller()
        self._came: deque[Notification] = deque()
        self._news = asyncio.Event()
        self._connection: Connection | None = None
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Listener on {', '.join(self._channels)}>"

    async def __aenter__(self) -> Self:
        """Begins to listen. Raises `ConnectionFailed`; `DatabaseError` where it is refused."""
        if self._keeper is not None:
            raise UsageError("a listener can be entered only once: call `listen` again")
        await self._open()
        self._keeper = asyncio.create_task(self._keep(), name=f"listen {self._where}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._keeper is not None:
                self._keeper.cancel()
                await asyncio.wait({self._keeper})
        finally:
            self._drop()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Notification:
        if self._keeper is None or self._keeper.done():
            raise UsageError("the listener is not open: use `async with db.listen(…)`")
        while not self._came:
            self._news.clear()
            await self._news.wait()
        return self._came.popleft()

    # --- inside -----------------------------------------------------------------------------------

    async def _open(self) -> None:
        connection = await self._connect()
        self._lost = over = asyncio.Event()
        raw: Any = connection.raw

        def ended(_: object) -> None:
            over.set()

        def heard(_: object, pid: int, channel: str, payload: object) -> None:
            self._note(Notification(channel, str(payload), pid))

        try:
            raw.add_termination_listener(ended)
            async with asyncio.timeout(_ANSWER):
                for channel in self._channels:
                    await raw.add_listener(channel, heard)
        except BaseException as error:
            raw.terminate()
            if not isinstance(error, Exception):
                raise
            failure = self._explain(error, raw)
        else:
            self._connection = connection
            return
        raise failure

    def _explain(self, error: Exception, raw: Any) -> SalaciaError:
        if isinstance(error, asyncpg.PostgresError) and from_server(error) and not lost(error, raw):
            return database_error(error, "LISTEN")
        return ConnectionFailed("the connection broke before it could listen")

    def _note(self, notification: Notification) -> None:
        if len(self._came) < self._limit:
            self._came.append(notification)
        elif not self._came[-1].missed:
            self._came.append(_MISSED)
        self._news.set()

    async def _keep(self) -> None:
        while True:
            await self._until_lost()
            self._drop()
            await self._open_again()
            self._note(_MISSED)

    async def _open_again(self) -> None:
        pause = _SHORTEST_PAUSE
        while True:
            # Whatever it is: who listens has nobody to tell but by being heard again.
            with suppress(ConnectionFailed, DatabaseError):
                await self._open()
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _until_lost(self) -> None:
        assert self._connection is not None
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(_PULSE):
                    await self._lost.wait()
            except TimeoutError:
                try:
                    async with asyncio.timeout(_ANSWER):
                        await self._connection.raw.execute("SELECT")
                except Exception:
                    return

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.raw.terminate()


def _check(channels: tuple[str, ...], limit: int) -> None:
    if not channels:
        raise UsageError('name the channels to listen on: `db.listen("jobs")`')
    for channel in channels:
        if not channel or "\0" in channel or len(channel.encode()) > _NAME:
            raise UsageError(
                f"{channel!r} can't be a channel: its name has 1 to {_NAME} bytes, none of them NUL"
            )
    if limit < 1:
        raise UsageError(f"limit is {limit}: at least one notification has to be kept")
