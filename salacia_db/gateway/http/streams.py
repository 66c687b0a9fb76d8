"""Server-sent events: streams that last, with a sign of life where nothing happens."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response

from salacia_db.web.middleware import Message, Receive, Scope, Send

_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


def _part(frame: bytes) -> Message:
    return {"type": "http.response.body", "body": frame, "more_body": True}


_END: Message = {"type": "http.response.body", "body": b""}
_HEARTBEAT = _part(b": heartbeat\n\n")


class EventStream(Response):
    """The answer that tells frames as they come, and after `heartbeat` seconds that it is alive.

    It ends with its frames, when the client goes away, or with `closing`.
    What passes on a frame is one task, which nothing else wakes: a hundred followers cost little.
    """

    media_type = "text/event-stream"

    def __init__(
        self, frames: AsyncGenerator[bytes], heartbeat: float, closing: asyncio.Event
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers(_HEADERS)
        self._frames = frames
        self._heartbeat = heartbeat
        self._closing = closing
        self._told = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        if scope.get("method") == "HEAD":
            await self._frames.aclose()
            await send(_END)
            return
        telling = asyncio.create_task(self._tell(send))
        living = asyncio.create_task(self._live(receive, send))
        closing = asyncio.create_task(self._closing.wait())
        tasks = {telling, living, closing}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()
        if self._closing.is_set() and telling.cancelled():
            await send(_END)

    async def _tell(self, send: Send) -> None:
        now = asyncio.get_running_loop().time
        async with aclosing(self._frames) as frames:
            async for frame in frames:
                await send(_part(frame))
                self._told = now()
        await send(_END)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Tells that it is alive where it was silent, until the client goes away."""
        now = asyncio.get_running_loop().time
        self._told = now()
        while True:
            try:
                async with asyncio.timeout_at(self._told + self._heartbeat):
                    while (await receive())["type"] != "http.disconnect":
                        pass
                    return
            except TimeoutError:
                if now() >= self._told + self._heartbeat:
                    await send(_HEARTBEAT)
                    self._told = now()
