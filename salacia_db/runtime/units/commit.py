"""COMMIT: shielded from cancellation, and looked up where its reply is lost."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from time import monotonic
from typing import Any, Generic, TypeVar, cast

import asyncpg

from salacia_db.runtime.connections.connection import INCARNATION, Connection
from salacia_db.runtime.errors import Outcome

T = TypeVar("T")

_STATUS = f"select pg_catalog.pg_xact_status($1::text::xid8), ({INCARNATION})"
_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 0.25


class Uninterrupted(Generic[T]):
    """Awaits work to its end, however often the caller is cancelled meanwhile.

    The last cancellation is kept as `cancelled`, for the caller to raise once it has acted on the
    result. There is no task beside the caller's, which a closing event loop would cancel. Not for
    work that uses `asyncio.timeout`, which works by cancelling the caller.
    """

    __slots__ = ("_work", "cancelled")

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work
        self.cancelled: asyncio.CancelledError | None = None

    def __await__(self) -> Generator[Any, None, T]:
        while True:
            try:
                future = self._work.send(None)
            except StopIteration as end:
                return cast("T", end.value)
            while not future.done():
                try:
                    yield _Unmoved(future)
                except asyncio.CancelledError as error:
                    if not future.cancelled():
                        self.cancelled = error
                except Exception:  # noqa: S110 - the future's own: the work sees it for itself
                    pass


class _Unmoved:
    """Stands for the future that a task waits for, where cancelling the task is to leave it alone.

    The task is told that there was nothing to cancel, so it raises CancelledError in its coroutine
    once the future is done. A future of our own would do the same for a turn of the event loop.
    """

    __slots__ = ("_asyncio_future_blocking", "_future")

    def __init__(self, future: asyncio.Future[Any]) -> None:
        self._future = future
        self._asyncio_future_blocking = True  # what tells a task that this is a future

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._future.get_loop()

    def add_done_callback(self, function: Callable[..., object], *, context: Any = None) -> None:
        self._future.add_done_callback(function, context=context)

    def cancel(self, msg: object = None) -> bool:
        return False


async def outcome(
    connect: Callable[[], Awaitable[Connection]], xid: int, incarnation: str, timeout: float
) -> Outcome:
    """What became of the transaction, asked on a connection of its own until the server knows.

    While the old session lives, its transaction is "in progress", so the end of that is awaited,
    too. "unknown" after so many seconds, or where the answer would be about another transaction.
    """
    deadline = monotonic() + timeout
    pause = _FIRST_PAUSE
    connection: Connection | None = None
    try:
        while (left := deadline - monotonic()) > 0:
            try:
                async with asyncio.timeout(left):
                    if connection is None:
                        connection = await connect()
                    found = await _ask(connection, xid, incarnation)
                if found is not None:
                    return found
            except Exception:  # whatever it is: the question can be asked again
                if connection is not None:
                    connection.raw.terminate()
                    connection = None
            await asyncio.sleep(min(pause, max(0.0, deadline - monotonic())))
            pause = min(pause * 2, _LONGEST_PAUSE)
        return "unknown"
    finally:
        if connection is not None:
            connection.raw.terminate()


async def _ask(connection: Connection, xid: int, incarnation: str) -> Outcome | None:
    """The outcome, or None where it can't be told yet."""
    try:
        row = await connection.raw.fetchrow(_STATUS, str(xid))
    except asyncpg.InvalidParameterValueError:
        return "unknown"  # a number of the future: another server
    if row is None or row[1] is None:
        return None  # in recovery: a standby that may be promoted, or one that is catching up
    status, now = str(row[0]), str(row[1])
    if status == "in progress" and now == incarnation:
        return None
    if status == "committed" and now == incarnation:
        return "committed"
    # A crash on the same timeline gives numbers away only of what it lost: aborted stays true.
    if status == "aborted" and now.partition("/")[0] == incarnation.partition("/")[0]:
        return "aborted"
    return "unknown"
