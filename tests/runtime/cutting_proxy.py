"""A proxy before PostgreSQL that can cut, or swallow, what passes."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

Rule = Callable[[bytes], str | None]


class CuttingProxy:
    """Passes bytes on, until `rule` says otherwise of what a client sends.

    `rule(data)` gives None (pass), "before" (cut both sides, unsent), "after" (send, then cut both
    sides before any reply), "hole" (swallow this and all that follows, both ways).
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        self._socket = f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}"
        self._user, self._database = parts.username, parts.path
        self.rule: Rule = lambda data: None
        self.refusing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "CuttingProxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"postgresql://{self._user}@127.0.0.1:{port}{self._database}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        server_reader, server_writer = await asyncio.open_unix_connection(self._socket)
        self._writers |= {writer, server_writer}
        back = asyncio.ensure_future(self._back(server_reader, writer))
        self._tasks.add(back)
        with suppress(OSError):
            while data := await reader.read(65536):
                what = self.rule(data)
                if what == "hole":
                    back.cancel()
                    await asyncio.sleep(3600)
                if what == "after":
                    back.cancel()
                    await asyncio.wait({back})
                    server_writer.write(data)
                    await server_writer.drain()
                    # The server has it, and finds nobody to answer to.
                    await server_reader.read(65536)
                if what is not None:
                    break
                server_writer.write(data)
                await server_writer.drain()
        for each in (writer, server_writer):
            each.transport.abort()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


def once(word: bytes, what: str) -> Rule:
    """The rule for the first message that contains the word."""
    done: list[bool] = []

    def rule(data: bytes) -> str | None:
        if word in data and not done:
            done.append(True)
            return what
        return None

    return rule
