"""Streams: the rows of a statement in chunks, without ever holding all of them."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Generic, TypeVar

from salacia_db.runtime.errors import UsageError
from salacia_db.runtime.unseen import forget

T = TypeVar("T")


# So many rows travel at once.
CHUNK = 500


class Stream(Generic[T]):
    """Rows, fetched as they are asked for: `async for row in stream`, once.

    `chunks()` gives them as they come, in lists. Outside a unit of work it reads in a read-only
    transaction of its own, whose connection it keeps until its end. A loop that is left early
    gives it back by itself; with `async with stream:` around it, before the block ends.
    """

    def __init__(self, open_chunks: Callable[[], AsyncGenerator[list[T], None]]) -> None:
        self._open = open_chunks
        self._chunks: AsyncGenerator[list[T], None] | None = None

    def chunks(self) -> AsyncIterator[list[T]]:
        """The rows in lists."""
        if self._chunks is not None:
            raise UsageError("a stream can be read only once: call the query again")
        self._chunks = _chunks(self._open())
        return self._chunks

    async def __aiter__(self) -> AsyncGenerator[T, None]:
        chunks = self.chunks()
        try:
            async for chunk in chunks:
                for row in chunk:
                    yield row
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Ends the stream, wherever it is."""
        if self._chunks is not None:
            await self._chunks.aclose()

    async def __aenter__(self) -> "Stream[T]":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


async def _chunks(opened: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    async with aclosing(opened):
        try:
            async for chunk in opened:
                yield chunk
        except BaseException as error:
            forget(error)
            raise
