"""A proxy before PostgreSQL through which no notice comes, as with some poolers.

`python without_notices.py /tmp/.s.PGSQL.5432` prints its port. It is a process of its own: libpq
holds the interpreter while it connects.
"""

import asyncio
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs, urlsplit


@contextmanager
def without_notices(url: str) -> Iterator[str]:
    """The URL of the same database behind such a proxy."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    path = f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}"
    command = [sys.executable, __file__, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        try:
            assert proxy.stdout is not None
            address = f"127.0.0.1:{proxy.stdout.readline().strip()}"
            yield f"postgresql://{parts.username}@{address}{parts.path}?sslmode=disable"
        finally:
            proxy.kill()


async def _serve(path: str) -> None:
    async def passes(client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        server, forth = await asyncio.open_unix_connection(path)
        answers = asyncio.create_task(_answers(server, back))
        while data := await client.read(65536):
            forth.write(data)
        forth.close()
        await answers

    listener = await asyncio.start_server(passes, "127.0.0.1", 0)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await listener.serve_forever()


async def _answers(server: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError):
        while True:
            head = await server.readexactly(5)
            kind, length = struct.unpack("!cI", head)
            body = await server.readexactly(length - 4)
            if kind != b"N":
                back.write(head + body)
    back.close()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
