"""Long work of the driver, in a way that also ends when the connection does."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import asyncpg

from salacia_db.runtime.connections.connection import Connection

T = TypeVar("T")


async def guarded(connection: Connection, work: Coroutine[Any, Any, T]) -> T:
    """What the work returns. Where it is cancelled, or the connection ends, so does it, at once.

    While asyncpg waits to write, it notices neither; so the work is a task of its own.
    """
    task = asyncio.ensure_future(work)
    raw = connection.raw

    def ended(_: object) -> None:
        task.cancel()

    raw.add_termination_listener(ended)
    try:
        await asyncio.wait({task})
    except BaseException:
        task.add_done_callback(_forget)
        # Half of the arguments may have been sent: no use for this connection.
        raw.terminate()
        raise
    finally:
        raw.remove_termination_listener(ended)
    if task.cancelled():
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of a call")
    return task.result()


def _forget(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()
