"""After-commit hooks that raise, hang, are cancelled, or outlive their caller."""

import asyncio
from collections.abc import Callable
from functools import partial

from faults.clients import Salacia
from faults.ledger import Entry
from faults.scenario import Bench, scenario
from salacia_db.runtime import HookFailure

HOOK_TIMEOUT = 1.0


def _raises() -> None:
    raise ValueError("a hook")


async def _raises_later() -> None:
    await asyncio.sleep(0)
    raise ValueError("a hook")


async def _is_cancelled() -> None:
    raise asyncio.CancelledError


async def _hangs() -> None:
    await asyncio.sleep(3600)


async def _takes_its_time() -> None:
    await asyncio.sleep(0.01)


FAULTS = (_raises, _raises_later, _is_cancelled, _takes_its_time)


async def _unit(bench: Bench, entry: Entry, *, faults: tuple[Callable[[], object], ...]) -> None:
    assert isinstance(bench.client, Salacia)
    async with bench.client.db.unit_of_work() as uow:
        for fault in faults:
            uow.after_commit(fault)
        uow.after_commit(entry.hook)
        uow.after_commit(_raises)
        for part in range(2):
            await uow.ledger.add(entry.id, part)


@scenario("after-commit hooks that raise or are cancelled", quick=20, full=500, against=(Salacia,))
async def hook_faults(bench: Bench) -> None:
    assert isinstance(bench.client, Salacia)
    reported: list[HookFailure] = []
    bench.client.hooks.on_error(reported.append)
    expected = 0
    for number in range(bench.attempts):
        fault = FAULTS[number % len(FAULTS)]
        # Some callers go while their hooks run.
        cancel = (0.008,) if fault is _takes_its_time else ()
        entry = await bench.observe(partial(_unit, bench, faults=(fault,)), cancel_after=cancel)
        await asyncio.sleep(0.02 if cancel else 0)
        expected += (1 + (fault is not _takes_its_time)) * entry.hooked
    # Each that failed has been reported, once.
    bench.violations["K"] += len(reported) != expected


@scenario("after-commit hooks that hang", quick=8, full=32, size=8, against=(Salacia,))
async def hanging_hooks(bench: Bench) -> None:
    deadline = bench.client.timeout + HOOK_TIMEOUT
    for _ in range(bench.attempts // 8):
        await asyncio.gather(
            *(
                bench.observe(partial(_unit, bench, faults=(_hangs,)), deadline=deadline)
                for _ in range(8)
            )
        )
