"""PgBouncer in transaction mode between the library and the server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bouncer import PgBouncer, pgbouncer

from faults.proxy import always
from faults.scenario import Bench, scenario

_POOLED: dict[str, Any] = {"programs": ("pgbouncer",), "pooled": True}
_CANCELLED = "57014"


@asynccontextmanager
async def _in_between(bench: Bench) -> AsyncIterator[PgBouncer]:
    """PgBouncer, which the client's connections lead through from now on."""
    database = await bench.bystander.fetchval("select current_database()")
    with pgbouncer(bench.direct, size=bench.client.size) as bouncer:
        bench.proxy.lead_to(bouncer.url(database))
        bench.proxy.cut()
        await bench.fill()
        yield bouncer


@asynccontextmanager
async def _kept_running(bouncer: PgBouncer) -> AsyncIterator[None]:
    """Starts PgBouncer again whenever it ends by itself, as a service manager does.

    1.18 gives up ("bad client state") where a client ends in the middle of the cancel that it
    asked for.
    """

    async def keep() -> None:
        while True:
            bouncer.revive()
            await asyncio.sleep(0.05)

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})


@scenario(
    "PgBouncer: backends terminated, callers cancelled, under load", quick=4, full=50, **_POOLED
)
async def pgbouncer_load(bench: Bench) -> None:
    bouncer = await bench.keep(_in_between(bench))
    async with _kept_running(bouncer), bench.load():
        for number in range(bench.attempts):
            await bench.alone_at_once(bench.client.size)
            await bench.attempts_at_once(bench.client.size, cancel_after=(0.002 * (number % 4),))
            for pid in (await bench.backends())[: number % 3]:
                await bench.bystander.execute("select pg_terminate_backend($1)", pid)
        await bench.recovered()
    # Whoever was cancelled has been told so: these were hit by the cancel of another.
    errors = [entry.error for entry in bench.ledger.entries]
    hit = [each for each in errors if getattr(each, "sqlstate", None) == _CANCELLED]
    bench.violations["L"] += len(hit)


@scenario("PgBouncer: COMMIT carried out, its reply cut", quick=10, full=200, **_POOLED)
async def pgbouncer_commit_cut(bench: Bench) -> None:
    await bench.keep(_in_between(bench))

    def cut() -> None:
        bench.proxy.rule = always(b"COMMIT", "after")

    for _ in range(bench.attempts):
        await bench.attempt(before_commit=cut)
        bench.proxy.heal()


@scenario("PgBouncer killed under load, and started again", quick=2, full=10, **_POOLED)
async def pgbouncer_killed(bench: Bench) -> None:
    bouncer = await bench.keep(_in_between(bench))
    async with bench.load():
        for _ in range(bench.attempts):
            await asyncio.sleep(0.2)
            await asyncio.to_thread(bouncer.stop)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(bouncer.start)
            await bench.recovered()
