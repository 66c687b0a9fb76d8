"""Waiting: for a connection, for a lock, for somebody who has fallen asleep."""

import asyncio

from faults.clients import Session
from faults.ledger import Entry
from faults.scenario import Bench, scenario

WAITERS = 200


@scenario("200 callers wait for 4 connections", quick=WAITERS, full=5 * WAITERS)
async def exhaustion(bench: Bench) -> None:
    async def work(session: Session, entry: Entry) -> None:
        await session.write_all(entry)
        await session.execute("select pg_sleep(0.002)")

    for _ in range(bench.attempts // WAITERS):
        await bench.attempts_at_once(WAITERS, work=work, deadline=10.0)


@scenario("200 callers wait in vain", quick=WAITERS, full=5 * WAITERS, acquire=0.5)
async def exhaustion_in_vain(bench: Bench) -> None:
    for _ in range(bench.attempts // WAITERS):
        over = asyncio.Event()

        async def hold(session: Session, entry: Entry, over: asyncio.Event = over) -> None:
            await session.write_all(entry)
            await over.wait()

        holders = [
            asyncio.ensure_future(bench.attempt(hold, deadline=10.0))
            for _ in range(bench.client.size)
        ]
        await asyncio.sleep(0.1)
        await bench.attempts_at_once(WAITERS, deadline=bench.client.acquire)
        over.set()
        await asyncio.gather(*holders)


@scenario("callers who hold a connection and ask for another", quick=8, full=80, acquire=0.5)
async def nested_acquisition(bench: Bench) -> None:
    async def work(session: Session, entry: Entry) -> None:
        await session.write_all(entry)
        await everybody.wait()
        # All connections are held by callers who wait for one.
        await bench.client.fetchval("select 1")

    for _ in range(bench.attempts // bench.client.size):
        everybody = asyncio.Barrier(bench.client.size)
        await bench.attempts_at_once(bench.client.size, work=work)


@scenario("lock_timeout", quick=10, full=200)
async def lock_timeout(bench: Bench) -> None:
    async def work(session: Session, entry: Entry) -> None:
        await session.execute("set local lock_timeout = '20ms'")
        await session.write(entry, 0)
        if entry.id % 2:
            await session.execute("lock table locked in exclusive mode")
        await session.write(entry, 1)

    await bench.bystander.execute("create table locked ()")
    async with bench.bystander.transaction():
        await bench.bystander.execute("lock table locked in exclusive mode")
        for _ in range(bench.attempts // 2):
            await bench.attempts_at_once(2, work=work)


@scenario("statement_timeout", quick=10, full=200)
async def statement_timeout(bench: Bench) -> None:
    async def work(session: Session, entry: Entry) -> None:
        await session.execute("set local statement_timeout = '20ms'")
        await session.write(entry, 0)
        if entry.id % 2:
            await session.execute("select pg_sleep(1)")
        await session.write(entry, 1)

    for _ in range(bench.attempts // 2):
        await bench.attempts_at_once(2, work=work)


@scenario("idle_in_transaction_session_timeout", quick=8, full=200)
async def idle_in_transaction_timeout(bench: Bench) -> None:
    async def work(session: Session, entry: Entry) -> None:
        await session.execute("set local idle_in_transaction_session_timeout = '20ms'")
        await session.write(entry, 0)
        if entry.id % 4 == 0:
            await asyncio.sleep(0.05)
        await session.write(entry, 1)
        if entry.id % 4 == 1:
            await asyncio.sleep(0.05)

    for _ in range(bench.attempts // 4):
        await bench.attempts_at_once(4, work=work)


@scenario("idle_session_timeout", quick=20, full=400)
async def idle_session_timeout(bench: Bench) -> None:
    database = await bench.bystander.fetchval("select current_database()")
    await bench.bystander.execute(f'alter database "{database}" set idle_session_timeout = 20')
    await bench.bystander.execute("set idle_session_timeout = 0")
    for pid in await bench.backends():
        await bench.bystander.execute("select pg_terminate_backend($1)", pid)
    for number in range(bench.attempts):
        await bench.attempt()
        # About when the server loses patience.
        await asyncio.sleep(0.018 + number % 5 / 1000)
    await bench.bystander.execute(f'alter database "{database}" reset idle_session_timeout')
    for pid in await bench.backends():
        await bench.bystander.execute("select pg_terminate_backend($1)", pid)
