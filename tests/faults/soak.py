"""A soak: one pool under changing faults for a long time, and what it accumulates."""

import asyncio
import gc
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from time import monotonic

from faults.bench import Bench
from faults.clients import Salacia
from faults.proxy import after_bytes, always
from faults.scenario import Scenario
from faults.scenarios.servers import server_back
from faults.servers import frozen

CALLERS = 16
_ROUND = 15.0
"""So many seconds callers work, then they rest and all is compared."""

_HEAD = (
    "| minutes | attempts | violations | memory | tasks | sessions | file descriptors | objects |"
)


async def soak(minutes: float) -> bool:
    """Prints a row about once a minute; whether an invariant was broken."""

    async def body(bench: Bench) -> None:
        await _soak(bench, minutes * 60)

    scenario = Scenario("soak", "soak", body, 1, 1, size=8, own=True, against=(Salacia,))
    print(f"{_HEAD}\n|{' ---: |' * 8}", flush=True)
    found = await Bench(scenario, 1).run(Salacia)
    print(f"\n{found.attempts:,} attempts: {_listed(found.told)}")
    print(f"violations: {_listed(found.violations)}")
    return any(found.violations.values())


async def _soak(bench: Bench, seconds: float) -> None:
    random = Random(9)
    began = monotonic()
    printed = -60.0
    while (passed := monotonic() - began) < seconds:
        if passed - printed >= 60:
            printed = passed
            await _print(bench, passed)
        async with bench.load(CALLERS, pause=0.01, cancel_after=_Sometimes(random)):
            over = monotonic() + min(_ROUND, seconds - passed)
            while monotonic() < over:
                await asyncio.sleep(random.uniform(0.2, 2.0))
                await random.choice(_FAULTS)(bench)
            if random.random() < 0.25:
                await bench.server.restart(random.choice(("fast", "immediate", "killed")))
                await server_back(bench)
        bench.proxy.heal()
        await bench.recovered()
        await bench.settle()
        await bench.bystander.execute("truncate ledger")
    await _print(bench, monotonic() - began)


class _Sometimes:
    """When an attempt is cancelled, drawn anew for each: mostly never."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def __iter__(self):
        if self._random.random() < 0.1:
            yield self._random.uniform(0, 0.01)


async def _cut(bench: Bench) -> None:
    bench.proxy.resetting = not bench.proxy.resetting
    bench.proxy.cut()


async def _cut_at_byte(bench: Bench) -> None:
    bench.proxy.rule = after_bytes(5000)
    await asyncio.sleep(0.2)
    bench.proxy.heal()


async def _cut_answer(bench: Bench) -> None:
    bench.proxy.reply = after_bytes(2000)
    await asyncio.sleep(0.2)
    bench.proxy.heal()


async def _hole(bench: Bench) -> None:
    bench.proxy.rule = always(b"", "hole")
    await asyncio.sleep(0.3)
    bench.proxy.heal()


async def _refuse(bench: Bench) -> None:
    bench.proxy.refusing = True
    bench.proxy.cut()
    await asyncio.sleep(0.3)
    bench.proxy.heal()


async def _terminate(bench: Bench) -> None:
    for pid in await bench.backends():
        await bench.bystander.execute("select pg_terminate_backend($1)", pid)


async def _freeze(bench: Bench) -> None:
    with frozen((await bench.backends())[:1]):
        await asyncio.sleep(0.3)


_FAULTS: tuple[Callable[[Bench], Awaitable[None]], ...] = (
    _cut,
    _cut_at_byte,
    _cut_answer,
    _hole,
    _refuse,
    _terminate,
    _freeze,
)


async def _print(bench: Bench, passed: float) -> None:
    gc.collect()
    cells = (
        f"{passed / 60:.1f}",
        f"{bench.told.total():,}",
        f"{sum(bench.violations.values())}",
        f"{_megabytes():.1f} MB",
        f"{len(asyncio.all_tasks())}",
        f"{len(await bench.backends())}",
        f"{len(os.listdir('/proc/self/fd'))}",
        f"{len(gc.get_objects()):,}",
    )
    print(f"| {' | '.join(cells)} |", flush=True)


def _megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.items())
