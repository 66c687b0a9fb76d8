"""Committed events a second to many followers of the gateway: latency, losses, duplicates.

A server, writers that commit message after message, and followers that read the stream as a browser
would: three processes. The latency of an event is from the moment at which its commit returned to
the one at which a follower has it; a follower may be first.
"""

import argparse
import asyncio
import multiprocessing
import sys
from pathlib import Path
from time import perf_counter

import uvloop

import salacia
from following import Told, follow
from salacia_db import uuid7
from salacia_db.postgres.migrations.migrator import Migrator
from salacia_db.postgres.scratch import scratch_database
from served import served

ROOT = Path(__file__).parents[1]
WRITERS = 8


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


async def commit(url: str, options: argparse.Namespace) -> dict[bytes, float]:
    committed: dict[bytes, float] = {}
    async with salacia.connect(url, pool_max=WRITERS) as db:
        start = perf_counter()
        await write(db, options.rate, options.seconds, committed)
        took = perf_counter() - start
    print(f"{len(committed)} events in {took:.1f} s: {len(committed) / took:.0f} a second")
    return committed


def measure(url: str, address: str, options: argparse.Namespace) -> bool:
    spawn = multiprocessing.get_context("spawn")
    pipe, end = spawn.Pipe()
    following = spawn.Process(target=follow, args=(address, options.followers, end), daemon=True)
    following.start()
    end.close()
    pipe.recv()  # all of them are being told
    pipe.send(uvloop.run(commit(url, options)))
    told: Told = pipe.recv()
    following.join()
    print(f"{options.followers} followers: {told.lost} lost, {told.twice} twice, {told.gaps} gaps")
    p50, p99, longest = (seconds * 1000 for seconds in told.latencies)
    print(f"latency: p50 {p50:.0f} ms, p99 {p99:.0f} ms, at most {longest:.0f} ms")
    print(f"the followers took {told.processor:.1f} s of processor time")
    return not (told.lost or told.twice or told.gaps)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--followers", type=int, default=100)
    parser.add_argument("--serve", nargs="*", default=[], help="arguments of `salacia serve`")
    options = parser.parse_args()
    with scratch_database() as url:
        Migrator(url, ROOT / "migrations").up()
        with served(url, *options.serve) as address:
            return 0 if measure(url, address, options) else 1


if __name__ == "__main__":
    sys.exit(main())
