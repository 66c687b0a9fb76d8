"""A proxy that counts round trips, between a contender and the server.

A round trip is what a client sends after the server has spoken on that connection, be it one
message or a pipeline of many: the times it waits for the network.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

_CHUNK = 1 << 16


class Proxy:
    """`trips` so far, on all connections."""

    def __init__(self, url: str) -> None:
        self.trips = 0
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._host = parts.hostname or query.get("host", "127.0.0.1")
        self._port = parts.port or int(query.get("port", "5432"))

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carries everything between a client and the server."""
        if self._host.startswith("/"):
            path = f"{self._host}/.s.PGSQL.{self._port}"
            server_reader, server_writer = await asyncio.open_unix_connection(path)
        else:
            server_reader, server_writer = await asyncio.open_connection(self._host, self._port)
        spoken = True

        async def up() -> None:
            nonlocal spoken
            while data := await reader.read(_CHUNK):
                self.trips += spoken
                spoken = False
                server_writer.write(data)
                await server_writer.drain()

        async def down() -> None:
            nonlocal spoken
            while data := await server_reader.read(_CHUNK):
                spoken = True
                writer.write(data)
                await writer.drain()

        try:
            _, pending = await asyncio.wait(
                [asyncio.create_task(up()), asyncio.create_task(down())],
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        finally:
            writer.close()
            server_writer.close()


@asynccontextmanager
async def counting(url: str, folder: Path) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy, and the URL that leads through it: a Unix socket in `folder`."""
    proxy = Proxy(url)
    server = await asyncio.start_unix_server(proxy.connected, folder / ".s.PGSQL.5432")
    parts = urlsplit(url)
    account = parts.netloc.rpartition("@")[0]
    query = urlencode({"host": str(folder), "port": "5432"}, safe="/")
    try:
        yield proxy, f"postgresql://{account}@{parts.path}?{query}"
    finally:
        server.close()
