"""Many rows in one call: cut, ended by the server, or cancelled on their way."""

from collections.abc import Awaitable, Callable
from random import Random

from faults.clients import Row, Session
from faults.ledger import PARTS, Entry
from faults.proxy import after_bytes
from faults.scenario import Bench, scenario

Write = Callable[[Session, list[Row]], Awaitable[None]]

# Long enough to be on their way for a while.
_NOTE = "x" * 200_000


async def _broken(bench: Bench, write: Write) -> None:
    random = Random(8)

    async def work(session: Session, entry: Entry) -> None:
        if entry.id % 4 == 0:
            bench.proxy.rule = after_bytes(random.randint(1, 3 * len(_NOTE)))
        if entry.id % 4 == 1:
            pid = await session.fetchval("select pg_backend_pid()")
            await bench.bystander.execute("select pg_terminate_backend($1)", pid)
        await write(session, [(entry.id, part, _NOTE) for part in range(PARTS)])

    for number in range(bench.attempts):
        cancel = (random.uniform(0, 0.02),) if number % 4 == 2 else ()
        await bench.attempt(work, cancel_after=cancel)
        bench.proxy.heal()


@scenario("a bulk insert cut, ended or cancelled on its way", quick=16, full=800)
async def bulk_broken(bench: Bench) -> None:
    await _broken(bench, lambda session, rows: session.write_many(rows))


@scenario("COPY cut, ended or cancelled on its way", quick=16, full=800)
async def copy_broken(bench: Bench) -> None:
    await _broken(bench, lambda session, rows: session.copy(rows))
