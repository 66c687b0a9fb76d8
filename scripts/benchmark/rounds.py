"""The measurement: in each round, all contenders one after the other, in an order drawn anew."""

import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

import asyncpg
from msgspec import Struct

from benchmark.data import tidy, undo
from benchmark.processes import Worker
from benchmark.workloads import Workload

# What goes before a slice and isn't counted, as a part of it: connections prepare their statements,
# and caches are those of who ran before.
_WARM = 0.5
_ADDED = 20_000
_MOST = 10**9


class Slice(Struct, frozen=True):
    """What one contender did in one slice."""

    round: int
    workload: str
    tasks: int
    contender: str
    calls: int
    wall: float
    cpu: float
    load: float


async def measure(
    start: Callable[[], AbstractAsyncContextManager[Sequence[Worker]]],
    workloads: Sequence[Workload],
    connection: asyncpg.Connection,
    *,
    rounds: int,
    seconds: float,
    seed: int,
) -> list[Slice]:
    """All slices of all rounds.

    Each round starts all processes anew: the same code may be twice as fast in one as in another,
    by how its memory happens to lie.
    """
    order = random.Random(seed)
    found: list[Slice] = []
    for number in range(1, rounds + 1):
        began = time.monotonic()
        await tidy(connection)
        async with start() as workers:
            found += await _round(workers, workloads, connection, order, number, seconds)
        took = f"{time.monotonic() - began:.0f} s"
        print(f"round {number} of {rounds}: {took}", file=sys.stderr, flush=True)
    return found


async def _round(
    workers: Sequence[Worker],
    workloads: Sequence[Workload],
    connection: asyncpg.Connection,
    order: random.Random,
    number: int,
    seconds: float,
) -> list[Slice]:
    made = []
    added = 0.0
    for workload in workloads:
        for tasks in workload.tasks:
            able = [worker for worker in workers if workload.name in worker.workloads]
            for worker in order.sample(able, len(able)):
                name = workload.name
                warm = 1 if workload.heavy else _MOST
                await worker.run(name, tasks=tasks, seconds=seconds * _WARM, most=warm)
                done = await worker.run(name, tasks=tasks, seconds=seconds, most=_MOST)
                load = os.getloadavg()[0]
                calls, wall, cpu = int(done["calls"]), done["wall"], done["cpu"]
                title = worker.entry.name
                made.append(Slice(number, name, tasks, title, calls, wall, cpu, load))
                added += workload.adds * calls * (1 + _WARM)
                if added > _ADDED:
                    await undo(connection)
                    added = 0
    return made
