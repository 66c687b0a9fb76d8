"""Callers who are cancelled: at any moment, once or again and again, and late."""

import asyncio
from random import Random
from time import monotonic

from faults.clients import Session
from faults.ledger import Entry
from faults.scenario import Bench, scenario

# How a request to cancel begins: its length, and a number that is no version of the protocol.
_CANCEL_REQUEST = bytes.fromhex("0000001004d2162e")


async def _storm(bench: Bench, times: tuple[int, int]) -> None:
    random = Random(7)
    began = monotonic()
    for _ in range(10):
        await bench.attempt()
    usual = (monotonic() - began) / 10

    async def caller() -> None:
        # Between the first step of a transaction and what comes after its end, waiting included.
        moment = random.uniform(0, 3 * usual) if random.random() < 0.5 else random.expovariate(50)
        again = [random.choice((0.0, 0.0002, 0.002)) for _ in range(random.randint(*times) - 1)]
        await bench.attempt(cancel_after=(moment, *again))

    left = bench.attempts
    while left > 0:
        wave = min(left, random.randint(1, 64))
        await asyncio.gather(*(caller() for _ in range(wave)))
        left -= wave


@scenario("cancel storm, each task once", quick=400, full=20_000, size=8)
async def cancel_storm(bench: Bench) -> None:
    await _storm(bench, (1, 1))


@scenario("cancel storm, each task again and again", quick=400, full=20_000, size=8)
async def cancel_storm_repeated(bench: Bench) -> None:
    await _storm(bench, (2, 5))


@scenario("a cancel that arrives late, while the next one works", quick=10, full=100, size=1)
async def late_cancel(bench: Bench) -> None:
    def hold_back(data: bytes) -> float | None:
        return 0.03 if data.startswith(_CANCEL_REQUEST) else None

    async def sleep(session: Session, entry: Entry) -> None:
        await session.write_all(entry)
        await session.execute("select pg_sleep(0.1)")

    bench.proxy.rule = hold_back
    for _ in range(bench.attempts):
        await bench.attempt(sleep, cancel_after=(0.02,))
        next_one = await bench.attempt(sleep)
        # Whoever comes next has done nothing to be cancelled.
        bench.violations["L"] += next_one.told != "committed"
