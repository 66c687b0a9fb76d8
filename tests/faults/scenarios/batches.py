"""Batched calls: one of them bad, some of them cancelled, the database closed under them."""

import asyncio
from random import Random

from faults.clients import Salacia
from faults.ledger import Entry
from faults.scenario import Bench, scenario

WAVE = 50


async def _batched(bench: Bench, entry: Entry, note: str = "") -> None:
    assert isinstance(bench.client, Salacia)
    await bench.client.db.ledger.add_batched(entry.id, note)


@scenario("a batch with a bad row", quick=WAVE, full=40 * WAVE, timeout=5.0, against=(Salacia,))
async def batch_bad_row(bench: Bench) -> None:
    async def caller(number: int) -> None:
        note = "bad" if number % 7 == 3 else "good"
        entry = await bench.observe(lambda entry: _batched(bench, entry, note), hooks=False)
        # Only the guilty one fails.
        bench.violations["L"] += (entry.told == "committed") is (note == "bad")

    for _ in range(bench.attempts // WAVE):
        await bench.together(caller(number) for number in range(WAVE))


@scenario(
    "a batch whose callers are cancelled",
    quick=WAVE,
    full=40 * WAVE,
    timeout=5.0,
    against=(Salacia,),
)
async def batch_cancelled(bench: Bench) -> None:
    random = Random(5)

    async def caller(number: int) -> None:
        cancel = (random.uniform(0, 0.02),) if number % 3 == 0 else ()
        entry = await bench.observe(
            lambda entry: _batched(bench, entry), hooks=False, cancel_after=cancel
        )
        bench.violations["L"] += not cancel and entry.told != "committed"

    for _ in range(bench.attempts // WAVE):
        await bench.together(caller(number) for number in range(WAVE))


@scenario(
    "the database closed while batches queue",
    quick=WAVE,
    full=20 * WAVE,
    timeout=5.0,
    against=(Salacia,),
)
async def batch_shutdown(bench: Bench) -> None:
    random = Random(6)
    assert isinstance(bench.client, Salacia)

    async def close(db: object) -> None:
        await asyncio.sleep(random.uniform(0, 0.02))
        await bench.client.close()

    async def caller() -> None:
        await bench.observe(lambda entry: _batched(bench, entry), hooks=False)

    for _ in range(bench.attempts // WAVE):
        await bench.together([close(bench.client.db), *(caller() for _ in range(WAVE))])
        await bench.client.open()
