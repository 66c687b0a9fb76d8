"""Connections that break: cut at any byte, reset, garbled, swallowed, slow, refused."""

import asyncio
from random import Random

from faults.clients import Session
from faults.ledger import Entry
from faults.proxy import Verdict, after_bytes, always
from faults.scenario import Bench, scenario


@scenario("the connection cut in the block, COMMIT never sent", quick=20, full=300)
async def commit_never_sent(bench: Bench) -> None:
    async def work(session: Session, entry: Entry) -> None:
        await session.write_all(entry)
        bench.proxy.resetting = entry.id % 2 == 0
        bench.proxy.cut()
        await asyncio.sleep(0.002)

    for _ in range(bench.attempts):
        await bench.attempt(work)


@scenario("cut at a byte on the way to the server", quick=60, full=500)
async def cut_at_byte(bench: Bench) -> None:
    random = Random(1)
    for number in range(bench.attempts):
        bench.proxy.resetting = number % 2 == 0
        bench.proxy.rule = after_bytes(random.randint(1, 900))
        await bench.attempt()


@scenario("answers cut in the middle of a frame", quick=60, full=500)
async def truncated_frames(bench: Bench) -> None:
    random = Random(2)
    for number in range(bench.attempts):
        bench.proxy.resetting = number % 2 == 0
        bench.proxy.reply = after_bytes(random.randint(1, 400))
        await bench.attempt()


@scenario("answers garbled", quick=12, full=60, timeout=0.4, acquire=2.0)
async def garbled_frames(bench: Bench) -> None:
    random = Random(3)

    def garble(left: int) -> None:
        def reply(data: bytes) -> Verdict:
            nonlocal left
            left -= 1
            return random.randbytes(len(data)) if left == 0 else None

        bench.proxy.reply = reply

    for _ in range(bench.attempts):
        garble(random.randint(1, 6))
        await bench.attempt()


@scenario("a black hole: nothing comes back, nothing is refused", quick=8, full=24, acquire=1.5)
async def black_hole(bench: Bench) -> None:
    await bench.fill()
    for _ in range(bench.attempts // 8):
        bench.proxy.rule = always(b"", "hole")
        await bench.alone_at_once(4)
        await bench.attempts_at_once(4)
        bench.proxy.heal()
        await bench.recovered()


@scenario("a black hole that opens at COMMIT", quick=4, full=12, timeout=0.5)
async def black_hole_at_commit(bench: Bench) -> None:
    for _ in range(bench.attempts):
        bench.proxy.rule = always(b"COMMIT", "hole")
        await bench.attempt()


@scenario("answers that trickle in", quick=4, full=12, timeout=0.5)
async def slow_reader(bench: Bench) -> None:
    async def work(session: Session, entry: Entry) -> None:
        await session.write_all(entry)
        await session.fetchval("select repeat('x', 1000000)")

    await bench.fill()
    for _ in range(bench.attempts // 4):
        bench.proxy.rate = 100_000.0
        await bench.attempts_at_once(4, work=work)
        bench.proxy.heal()
        await bench.recovered()


@scenario("connections cut and new ones refused", quick=2, full=5)
async def connections_refused(bench: Bench) -> None:
    async with bench.load():
        for number in range(bench.attempts):
            await asyncio.sleep(0.1)
            bench.proxy.resetting = number % 2 == 0
            bench.proxy.refusing = True
            bench.proxy.cut()
            await asyncio.sleep(0.3)
            bench.proxy.heal()
            await bench.recovered()
