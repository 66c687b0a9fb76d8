"""The database is open as long as the application runs."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from salacia_db.runtime import Database


def lifespan(database: Database[Any]) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """What Starlette, FastAPI and Litestar take as `lifespan`: opens the database, and closes it.

    A server that can't be reached stops the application from starting (`ConnectionFailed`).
    """

    @asynccontextmanager
    async def opened(_: Any) -> AsyncGenerator[None, None]:
        async with database:
            yield

    return opened
