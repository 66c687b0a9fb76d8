"""Committed events a second to many followers of the gateway: latency, losses, duplicates.

A server in a process of its own, writers that commit message after message, and followers that
read the stream as a browser would. The latency of an event is from the moment at which its commit
returned to the one at which a follower has it; a follower may be first.
"""

import argparse
import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import salacia
from salacia_db import uuid7
from salacia_db.postgres.migrations.migrator import Migrator
from salacia_db.postgres.scratch import scratch_database

ROOT = Path(__file__).parents[1]
EVENT = re.compile(rb'event: (message:created|gap)\ndata: {(?:"id":"([^"]*)")?')
WRITERS = 8


class Follower:
    """One stream, and when which event came."""

    def __init__(self) -> None:
        self.came: dict[bytes, float] = {}
        self.twice = self.gaps = 0

    async def follow(self, address: str, ready: asyncio.Event) -> None:
        parts = urlsplit(address)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 22)
        writer.write(b"GET /api/events/messages HTTP/1.1\r\nHost: localhost\r\n\r\n")
        left = b""
        while data := await reader.read(1 << 18):
            now = perf_counter()
            left += data
            if b"retry:" in left:
                ready.set()
            whole, _, left = left.rpartition(b"\n\n")
            for name, message in EVENT.findall(whole):
                if name == b"gap":
                    self.gaps += 1
                elif message in self.came:
                    self.twice += 1
                else:
                    self.came[message] = now


async def write(
    db: salacia.Database, rate: float, seconds: float, committed: dict[bytes, float]
) -> None:
    start = perf_counter()
    turns = iter(range(int(rate * seconds)))
    request = {"messages": [{"role": "user", "content": "word " * 40}]}

    async def writer() -> None:
        for n in turns:
            wait = start + n / rate - perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            made = uuid7()
            await db.ai_interactions.create(id=made, model="m", request=request, status_code=200)
            committed[str(made).encode()] = perf_counter()

    await asyncio.gather(*(writer() for _ in range(WRITERS)))


async def measure(url: str, address: str, options: argparse.Namespace) -> bool:
    followers = [Follower() for _ in range(options.followers)]
    ready = [asyncio.Event() for _ in followers]
    tasks = [
        asyncio.create_task(f.follow(address, r)) for f, r in zip(followers, ready, strict=True)
    ]
    await asyncio.gather(*(event.wait() for event in ready))
    committed: dict[bytes, float] = {}
    async with salacia.connect(url, pool_max=WRITERS) as db:
        start = perf_counter()
        await write(db, options.rate, options.seconds, committed)
        took = perf_counter() - start
    for _ in range(100):
        if all(len(f.came) >= len(committed) for f in followers):
            break
        await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    late = sorted(
        f.came[made] - at for f in followers for made, at in committed.items() if made in f.came
    )
    lost = sum(len(committed) - len(f.came) for f in followers)
    twice, gaps = sum(f.twice for f in followers), sum(f.gaps for f in followers)
    print(f"{len(committed)} events in {took:.1f} s: {len(committed) / took:.0f} a second")
    print(f"{len(followers)} followers: {lost} lost, {twice} twice, {gaps} gaps")
    if late:
        marks = ((0.5, "p50"), (0.99, "p99"), (1.0, "at most"))
        shown = (
            f"{n} {late[min(int(len(late) * p), len(late) - 1)] * 1000:.0f} ms" for p, n in marks
        )
        print("latency:", ", ".join(shown))
    return not (lost or twice or gaps)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--followers", type=int, default=100)
    options = parser.parse_args()
    program = "import sys; from salacia_db.cli import main; sys.exit(main())"
    with scratch_database() as url:
        Migrator(url, ROOT / "migrations").up()
        server = subprocess.Popen(
            [sys.executable, "-c", program, "serve", "--port", "0", "--database-url", url],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "SALACIA_TOKEN": ""},
        )
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[-1]
            return 0 if asyncio.run(measure(url, address, options)) else 1
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    sys.exit(main())
