"""Before anything is timed: everybody gives the same, and writes the same."""

import sys
from collections.abc import Iterable, Sequence

import asyncpg

from benchmark.data import DIGEST, undo
from benchmark.processes import BenchmarkError, Worker
from benchmark.proxy import Proxy
from benchmark.workloads import Workload

# After so many calls every connection of a pool has prepared what it needs.
_WARM, _COUNTED = 60, 32
_HEAVY = 12, 3


async def check(
    workers: Sequence[Worker], workloads: Iterable[Workload], connection: asyncpg.Connection
) -> None:
    """Raises BenchmarkError where the result of a contender is not that of the first."""
    for workload in workloads:
        expected: tuple[str, object, object] | None = None
        for worker in workers:
            if workload.name not in worker.workloads:
                continue
            found = (await worker.ask(do="check", workload=workload.name))["found"]
            written = await connection.fetchval(DIGEST)
            await undo(connection)
            if expected is None:
                expected = worker.entry.title, found, written
            elif (found, written) != expected[1:]:
                what = "gives" if found != expected[1] else "writes"
                raise BenchmarkError(
                    f"{workload.name} ({workload.title}): {worker.entry.title} {what} something "
                    f"else than {expected[0]}" + _difference(expected[1:], (found, written))
                )


def _difference(one: tuple[object, object], other: tuple[object, object]) -> str:
    return "".join(
        f"\n  {text[:2000]}" for pair in zip(one, other, strict=True) for text in map(repr, pair)
        if pair[0] != pair[1]
    )  # fmt: skip


async def count_round_trips(
    workers: Sequence[Worker],
    workloads: Iterable[Workload],
    proxy: Proxy,
    connection: asyncpg.Connection,
) -> dict[tuple[str, int, str], float]:
    """Round trips per call, by workload, tasks and contender. The workers go through the proxy."""
    found: dict[tuple[str, int, str], float] = {}
    for workload in workloads:
        for worker in workers:
            if workload.name not in worker.workloads:
                continue
            # Long calls go one after the other; with more tasks each takes as many.
            counted = workload.tasks[:1] if workload.heavy else workload.tasks
            for tasks in counted:
                trips = await _round_trips(worker, workload, tasks, proxy)
                for same in workload.tasks if workload.heavy else (tasks,):
                    found[workload.name, same, worker.entry.name] = trips
        await undo(connection)
        print(f"{workload.name}: round trips counted", file=sys.stderr, flush=True)
    return found


async def _round_trips(worker: Worker, workload: Workload, tasks: int, proxy: Proxy) -> float:
    warm, counted = _HEAVY if workload.heavy else (max(_WARM, 2 * tasks), max(_COUNTED, 2 * tasks))
    await worker.run(workload.name, tasks=tasks, seconds=60, most=warm)
    before = proxy.trips
    done = await worker.run(workload.name, tasks=tasks, seconds=60, most=counted)
    return (proxy.trips - before) / done["calls"]
