"""A proxy before PostgreSQL that delays, cuts, resets, swallows or garbles what passes."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

Verdict = Literal["before", "after", "hole"] | int | float | bytes | None
Rule = Callable[[bytes], Verdict]

_CHUNK = 1 << 16


class CuttingProxy:
    """Passes bytes on, until `rule` says otherwise of what a client sends, or `reply` of answers.

    A rule is given what arrived at once and gives a verdict:

    - None: pass it on
    - `"before"`: cut both sides, unsent
    - `"after"`: send it, wait for the answer, and cut both sides without passing that on
    - `"hole"`: swallow this and all that follows, both ways, and keep both sides open
    - an int n: pass n bytes on, then cut both sides
    - a float: wait so many seconds, then pass it on
    - bytes: pass these on instead

    `delay` is seconds that everything takes on its way, `rate` how many bytes of answers a second
    get through. `refusing` cuts new clients at once. With `resetting` a cut is a TCP reset. Where
    the server ends a connection, its client learns of it `linger` seconds later. `heal` ends all
    of that, and cuts what is in a hole.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.lead_to(url)
        self._user, self._database = unquote(parts.username or ""), parts.path
        self._tasks: set[asyncio.Task[None]] = set()
        self._carried: set[asyncio.Task[Verdict]] = set()
        self._healed = asyncio.Event()
        self.heal()

    def lead_to(self, url: str) -> None:
        """Leads new clients to another server, as after a failover."""
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        self._host = query["host"][0] if "host" in query else parts.hostname or "127.0.0.1"
        self._port = int(query["port"][0]) if "port" in query else parts.port or 5432

    def heal(self) -> None:
        """Passes everything on again; what was swallowed is lost, with its connections."""
        self.rule: Rule = _pass
        self.reply: Rule = _pass
        self.delay = 0.0
        self.rate: float | None = None
        self.linger = 0.0
        self.refusing = False
        self.resetting = False
        self._healed.set()
        self._healed = asyncio.Event()

    def cut(self) -> None:
        """Cuts all connections now, whoever speaks."""
        for task in self._carried:
            task.cancel()

    async def __aenter__(self) -> "CuttingProxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"postgresql://{self._user}@127.0.0.1:{port}{self._database}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: asyncio would report those that end cancelled.
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Also where it is cancelled before it has begun.
        task.add_done_callback(lambda _: self._cut(writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            if not self.refusing:
                server_reader, server_writer = await self._reach()
                try:
                    await self._carry(reader, writer, server_reader, server_writer)
                finally:
                    self._cut(server_writer)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._host.startswith("/"):
            return await asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._port}")
        return await asyncio.open_connection(self._host, self._port)

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
    ) -> None:
        """Carries both ways until either side has ended, or a rule ends both."""
        muted = asyncio.Event()
        up = asyncio.ensure_future(self._up(reader, server_writer, muted))
        down = asyncio.ensure_future(self._down(server_reader, writer, muted))
        both = {up, down}
        self._carried |= both
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            first = up if up.done() else down
            verdict = None if first.cancelled() else first.result()
            if verdict == "hole":
                for task in both:
                    task.cancel()
                await self._healed.wait()
            if verdict == "after":
                await asyncio.wait({down})  # the server has it, and finds nobody to answer to
            if first is down and verdict is None:
                await asyncio.wait({up}, timeout=self.linger)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            self._carried -= both

    async def _up(
        self, reader: asyncio.StreamReader, to: asyncio.StreamWriter, muted: asyncio.Event
    ) -> Verdict:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                verdict = self.rule(data)
                if verdict == "after":
                    muted.set()
                if not await self._follow(verdict, data, to):
                    return verdict
        return None

    async def _down(
        self, reader: asyncio.StreamReader, to: asyncio.StreamWriter, muted: asyncio.Event
    ) -> Verdict:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                verdict = "before" if muted.is_set() else self.reply(data)
                if self.rate is not None:
                    await asyncio.sleep(len(data) / self.rate)
                if not await self._follow(verdict, data, to):
                    return verdict
        return None

    async def _follow(self, verdict: Verdict, data: bytes, to: asyncio.StreamWriter) -> bool:
        """Passes on what the verdict leaves; whether the connection goes on."""
        if verdict in ("before", "hole"):
            return False
        pause = verdict if isinstance(verdict, float) else self.delay
        if pause:
            await asyncio.sleep(pause)
        if isinstance(verdict, int):
            data = data[:verdict]
        elif isinstance(verdict, bytes):
            data = verdict
        to.write(data)
        await to.drain()
        return not isinstance(verdict, int) and verdict != "after"

    def _cut(self, writer: asyncio.StreamWriter) -> None:
        if self.resetting:
            sock: socket.socket | None = writer.get_extra_info("socket")
            if sock is not None and sock.family == socket.AF_INET and sock.fileno() >= 0:
                # Closing then sends RST, and throws away what is on its way.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


def once(word: bytes, verdict: Verdict) -> Rule:
    """The rule for the first of what contains the word."""
    left = [verdict]

    def rule(data: bytes) -> Verdict:
        return left.pop() if left and word in data else None

    return rule


def always(word: bytes, verdict: Verdict) -> Rule:
    """The rule for all that contains the word."""
    return lambda data: verdict if word in data else None


def after_bytes(count: int) -> Rule:
    """The rule that cuts at the n-th byte from now, on whatever connection it falls."""
    left = count

    def rule(data: bytes) -> Verdict:
        nonlocal left
        if left <= 0:
            return None
        left -= len(data)
        return None if left > 0 else len(data) + left

    return rule


def _pass(_: bytes) -> Verdict:
    return None
