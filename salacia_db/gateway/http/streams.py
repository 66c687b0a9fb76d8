"""Server-sent events: streams that last, with a sign of life where nothing happens."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from starlette.responses import StreamingResponse

_HEARTBEAT = b": heartbeat\n\n"
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


def stream(frames: AsyncGenerator[bytes], heartbeat: float) -> StreamingResponse:
    """The answer that tells frames as they come, and after silence that it is alive."""
    return StreamingResponse(
        _alive(frames, heartbeat), media_type="text/event-stream", headers=_HEADERS
    )


async def _alive(frames: AsyncGenerator[bytes], heartbeat: float) -> AsyncIterator[bytes]:
    async with aclosing(frames):
        waiting: asyncio.Task[bytes] | None = None
        try:
            while True:
                waiting = waiting or asyncio.ensure_future(_next(frames))
                done, _ = await asyncio.wait({waiting}, timeout=heartbeat)
                if not done:
                    yield _HEARTBEAT
                    continue
                try:
                    frame = waiting.result()
                except StopAsyncIteration:
                    return
                waiting = None
                yield frame
        finally:
            if waiting is not None:
                waiting.cancel()
                await asyncio.wait({waiting})


async def _next(frames: AsyncIterator[bytes]) -> bytes:
    return await anext(frames)
