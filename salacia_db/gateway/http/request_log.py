"""The log of requests: each is noted once it is answered, and written by and by, many at once."""

import asyncio
import logging
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from time import perf_counter
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl

from salacia import Database
from salacia_db.gateway.logging import AnsweredRequest, api_requests
from salacia_db.web.middleware import App, Message, Receive, Scope, Send

# So many are written at once, and prepared for it without a pause.
_BATCH = 100
# How long what waits at the end has to be written, in seconds.
_LAST = 5.0

_log = logging.getLogger("salacia_db.gateway")


class Noted(NamedTuple):
    """A request as ASGI has it, and what became of it."""

    arrived: datetime
    scope: Scope
    status: int | None
    milliseconds: float
    size: int

    def answered(self) -> AnsweredRequest:
        """The request as the logging service takes it."""
        scope = self.scope
        client = scope.get("client")
        return AnsweredRequest(
            arrived=self.arrived,
            method=scope["method"],
            path=scope["path"],
            headers=[
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in scope["headers"]
            ],
            query=_query(scope["query_string"]),
            ip_address=client[0] if client else None,
            status_code=self.status,
            response_time_ms=self.milliseconds,
            response_size_bytes=self.size,
        )


class RequestLog:
    """`async with RequestLog(db) as log`: what is noted is in `api_requests` soon after.

    It is written every `pause` seconds, and at the end. Where more than `limit` wait, the others
    are left out, and the logger `salacia_db.gateway` says how many.
    """

    def __init__(self, database: Database, *, limit: int = 10_000, pause: float = 1.0) -> None:
        self._database = database
        self._limit = limit
        self._pause = pause
        self._noted: deque[Noted] = deque()
        self._left_out = 0
        self._news = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write(), name="request log")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._news.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=_LAST)
            self._task.cancel()
            await asyncio.wait({self._task})
        self._left_out += len(self._noted)
        self._say_left_out()

    def note(self, noted: Noted) -> None:
        """Has a request written. Never waits."""
        if len(self._noted) < self._limit:
            self._noted.append(noted)
            self._news.set()
        else:
            self._left_out += 1

    async def _write(self) -> None:
        while self._noted or not self._closing.is_set():
            await self._news.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause):
                    await self._closing.wait()
            self._news.clear()
            while self._noted:
                batch = [self._noted.popleft() for _ in range(min(_BATCH, len(self._noted)))]
                await api_requests(self._database, [noted.answered() for noted in batch])
            self._say_left_out()

    def _say_left_out(self) -> None:
        if self._left_out:
            _log.warning("%s requests were not recorded: too many came", self._left_out)
            self._left_out = 0


class Logged:
    """ASGI middleware: notes each request once it is answered, but for those to `unlogged` paths.

    A stream is noted when it ends. Bodies aren't noted.
    """

    def __init__(self, app: App, log: RequestLog, unlogged: Collection[str] = ()) -> None:
        self.app = app
        self.log = log
        self.unlogged = unlogged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in self.unlogged:
            await self.app(scope, receive, send)
            return
        arrived, start = datetime.now(UTC), perf_counter()
        status: int | None = None
        size = 0

        async def counted(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, counted)
        except Exception:
            status = status or 500  # whoever stands in front answers so
            raise
        finally:
            took = (perf_counter() - start) * 1000
            self.log.note(Noted(arrived, scope, status, took, size))


def _query(text: bytes) -> dict[str, Any] | None:
    if not text:
        return None
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(text.decode("latin-1"), keep_blank_values=True):
        given.setdefault(name, []).append(value)
    return {name: all_ if len(all_) > 1 else all_[0] for name, all_ in given.items()}
