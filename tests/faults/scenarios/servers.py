"""Servers that go away, freeze, or are full."""

import asyncio
import os
import signal
from contextlib import suppress

import asyncpg

from faults.scenario import Bench, scenario
from faults.servers import Way, frozen

AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


@scenario("backends terminated under load", quick=5, full=50)
async def backend_terminated(bench: Bench) -> None:
    async with bench.load():
        for number in range(bench.attempts):
            await asyncio.sleep(0.05)
            for pid in (await bench.backends())[: None if number % 2 else 1]:
                await bench.bystander.execute("select pg_terminate_backend($1)", pid)
        await bench.recovered()


@scenario("a backend killed, so that the server recovers from a crash", quick=1, full=4, own=True)
async def backend_killed(bench: Bench) -> None:
    async with bench.load():
        for _ in range(bench.attempts):
            await asyncio.sleep(0.2)
            pids = await bench.backends()
            os.kill(pids[0], signal.SIGKILL)
            await asyncio.sleep(0.05)
            await server_back(bench)
            await bench.recovered()


async def server_back(bench: Bench) -> None:
    """Waits until the server takes connections."""
    for _ in range(600):
        with suppress(*AWAY):
            await bench.connect_again()
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the server didn't come back")


async def _restart(bench: Bench, way: Way) -> None:
    async with bench.load():
        for _ in range(bench.attempts):
            await asyncio.sleep(0.2)
            await bench.server.restart(way)
            await server_back(bench)
            await bench.recovered()


@scenario("the server restarted, fast", quick=1, full=4, own=True)
async def restart_fast(bench: Bench) -> None:
    await _restart(bench, "fast")


@scenario("the server restarted, immediate", quick=1, full=4, own=True)
async def restart_immediate(bench: Bench) -> None:
    await _restart(bench, "immediate")


@scenario("the postmaster killed, the server started again", quick=1, full=4, own=True)
async def restart_killed(bench: Bench) -> None:
    await _restart(bench, "killed")


@scenario("all backends frozen", quick=8, full=24, size=4, timeout=0.4, acquire=1.0)
async def frozen_backends(bench: Bench) -> None:
    for _ in range(bench.attempts // 8):
        await bench.fill()
        with frozen(await bench.backends()):
            await bench.alone_at_once(4)
            await bench.attempts_at_once(4)
            # They stay frozen: the pool has to do with new ones.
            await bench.recovered()


@scenario(
    "too many connections",
    quick=10,
    full=100,
    own=True,
    acquire=1.0,
    settings={"max_connections": "8", "superuser_reserved_connections": "0"},
)
async def too_many_connections(bench: Bench) -> None:
    hogs: list[asyncpg.Connection] = []
    for pid in await bench.backends():
        await bench.bystander.execute("select pg_terminate_backend($1)", pid)
    with suppress(asyncpg.TooManyConnectionsError):
        while True:
            hogs.append(await asyncpg.connect(bench.direct))
    await bench.attempts_at_once(bench.attempts)
    for each in hogs:
        each.terminate()
    await bench.recovered()
