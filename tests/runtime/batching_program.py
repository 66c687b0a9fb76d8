"""A program that writes until it is told to end, and says on stdout what was acknowledged.

`python batching_program.py URL HANDLED`: with HANDLED = 1 SIGTERM cancels its main task, so that
its database is closed; else it kills. Each line is a kind of call and the ids that it wrote.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from itertools import count

from items import ALL, XID, Database, Item

from salacia_db.runtime import Batch, SalaciaError, Statement, Write

_SQL = f"-- items.put\ninsert into item ({ALL}) values ($1, $2, $3, $4) returning {ALL}"
_MANY = f"{_SQL}, $5::int4"
PUT = Statement(
    "items.put",
    _SQL,
    parameters=("id", "name", "amount", "note"),
    clean=True,
    tracked=f"{_SQL}, {XID}",
    writes=(Write("create", Item, returned=True),),
    batch=Batch(Statement("items.put", _MANY, clean=True, tracked=f"{_MANY}, {XID}"), size=256),
)
numbers = count()


def acknowledge(kind: str, *ids: int) -> None:
    os.write(1, f"{kind} {' '.join(map(str, ids))}\n".encode())


async def batched(db: Database) -> None:
    number = next(numbers)
    await db.session.batched.fetchrow(PUT, number, f"item {number}", 0, None)
    acknowledge("batch", number)


async def unit(db: Database) -> None:
    first, second = next(numbers), next(numbers)
    async with db.unit_of_work() as uow:
        await uow.items.insert(first)
        await uow.items.insert(second)
        uow.after_commit(acknowledge, "unit", first, second)


async def bulk(db: Database) -> None:
    ids = [next(numbers) for _ in range(50)]
    await db.items.unnest_many((n, f"item {n}", 0, None) for n in ids)
    acknowledge("bulk", *ids)


async def copy(db: Database) -> None:
    ids = [next(numbers) for _ in range(50)]
    await db.items.copy((n, f"item {n}", 0, None) for n in ids)
    acknowledge("copy", *ids)


async def caller(db: Database, call: object) -> None:
    with suppress(SalaciaError):  # once it is closed
        while True:
            await call(db)  # type: ignore[operator]


async def main(url: str, *, handled: bool) -> None:
    if handled:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    callers: list[asyncio.Task[None]] = []
    with suppress(asyncio.CancelledError):
        async with Database(url, pool_max=4, close_timeout=20.0) as db:
            calls = (*[batched] * 30, unit, unit, bulk, copy)
            callers += [asyncio.ensure_future(caller(db, call)) for call in calls]
            await asyncio.Event().wait()
    await asyncio.gather(*callers)
    os.write(1, b"closed\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], handled=sys.argv[2] == "1"))
