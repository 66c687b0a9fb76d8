"""What a call through salacia_db costs over bare asyncpg on a held connection.

In microseconds of the client's processor, uvloop's event loop where that is installed.

    ./scripts/overhead [--url URL] [--rounds N] [--calls N]

Without a URL it starts a scratch server. Slices of each variant alternate within a round, so that
what else the machine does falls on all of them alike. Printed are medians over the rounds of
the differences within a round, also for the same code run twice (the control), and how the
quietest slices differ, which is what to look at on a busy machine.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any

import asyncpg
from msgspec import Struct

from salacia_db.runtime import (
    Column,
    Condition,
    Created,
    Database,
    Group,
    Hooks,
    Statement,
    Table,
    UnitOfWork,
    Write,
)
from salacia_db.runtime.finding.finder import request
from salacia_db.runtime.finding.tables import source_of

try:
    from uvloop import run
except ImportError:
    run = asyncio.run

SQL = "-- overhead.one\nselect $1::int4"
ONE = Statement("overhead.one", SQL, parameters=("id",), read_only=True, clean=True)


class Item(Struct, frozen=True):
    id: int


def insert(name: str) -> Statement:
    sql = f"-- {name}\ninsert into overhead (id) values ($1) returning id"
    return Statement(
        name,
        sql,
        parameters=("id",),
        clean=True,
        tracked=sql + ", pg_current_xact_id()",
        writes=(Write("create", Item, returned=True),),
    )


INSERT = insert("overhead.insert")


class Queries(Group):
    """As the generator writes it."""

    __slots__ = ()

    async def one(self, *, id: int) -> int | None:
        row = await self._session.fetchrow(ONE, id)
        return None if row is None else row[0]

    async def insert(self, *, id: int) -> Item:
        return Item(*await self._session.fetchone(INSERT, id))


async def slice_of(call: Callable[[int], Awaitable[object]], calls: int) -> float:
    began = time.process_time()
    for number in range(calls):
        await call(number)
    return (time.process_time() - began) / calls * 1e6


async def compare(
    variants: dict[str, Callable[[int], Awaitable[object]]], rounds: int, calls: int
) -> None:
    base = next(iter(variants))
    found: dict[str, list[float]] = {name: [] for name in variants}
    for call in variants.values():
        await slice_of(call, calls)
    for _ in range(rounds):
        for name, call in variants.items():
            found[name].append(await slice_of(call, calls))
    quiet = _decile(found[base])
    for name, times in found.items():
        over = [t - b for t, b in zip(times, found[base], strict=True)]
        low, middle, high = statistics.quantiles(over, n=4)
        print(
            f"{name:34}{statistics.median(times):8.1f} µs{middle:+8.1f} over the first "
            f"(quartiles {low:+.1f} … {high:+.1f}; quietest tenth of slices "
            f"{_decile(times) - quiet:+.1f})"
        )


def _decile(times: list[float]) -> float:
    return statistics.quantiles(times, n=10)[0]


async def reads(url: str, rounds: int, calls: int) -> None:
    raw = await asyncpg.connect(url)
    prepared = await raw.prepare(SQL)
    async with Database(url, timeout=30) as db:
        queries = Queries(db.session)
        state = prepared._state  # type: ignore[attr-defined]
        protocol = raw._protocol  # type: ignore[attr-defined]
        await compare(
            {
                "asyncpg prepared.fetchrow": prepared.fetchrow,
                "the same again (control)": prepared.fetchrow,
                "the driver's protocol alone": lambda n: protocol.bind_execute(
                    state, (n,), "", 1, True, None
                ),
                "session, deadline armed": lambda n: db.session.fetchrow(ONE, n),
                "generated :one": lambda n: queries.one(id=n),
            },
            rounds,
            calls,
        )
    await raw.close()


async def units(url: str, rounds: int, calls: int) -> None:
    """BEGIN, a statement, COMMIT: what a unit of work knows more than the driver's transaction."""
    raw = await asyncpg.connect(url)
    async with Database(url, timeout=30) as db:
        await db.execute("drop table if exists overhead; create unlogged table overhead (id int4)")
        select, write = await raw.prepare(SQL), await raw.prepare(INSERT.sql)

        def transaction(statement: Any) -> Callable[[int], Awaitable[object]]:
            async def run(number: int) -> None:
                async with raw.transaction():
                    await statement.fetchrow(number)

            return run

        def unit(name: str) -> Callable[[int], Awaitable[object]]:
            async def run(number: int) -> None:
                async with db.unit_of_work() as uow:
                    await getattr(Queries(uow.session), name)(id=number)

            return run

        for statement, name in ((select, "one"), (write, "insert")):
            await compare(
                {
                    f"asyncpg transaction, {name}": transaction(statement),
                    "the same again (control)": transaction(statement),
                    f"unit of work, {name}": unit(name),
                },
                rounds,
                calls,
            )
        await db.execute("drop table overhead")
    await raw.close()


class OverheadTable(Table[Item]):
    id = Column[int]("id")


async def finds(url: str, rounds: int, calls: int) -> None:
    """The same shape each time, with another value; ten rows are found."""
    raw = await asyncpg.connect(url)
    async with Database(url, timeout=30) as db:
        await db.execute("drop table if exists overhead; create table overhead (id int4)")
        await db.execute("insert into overhead select generate_series(1, 10)")
        t = OverheadTable("overhead", Item, "public", "overhead", proven=True)

        def where(number: int) -> Condition:
            return (t.id > -number) & t.id.notnull()

        statement, _ = request(source_of(Item), "find", where(0), t.id, 100)
        prepared = await raw.prepare(statement.sql)
        await compare(
            {
                "asyncpg prepared.fetch": lambda n: prepared.fetch(-n, 100),
                "the same again (control)": lambda n: prepared.fetch(-n, 100),
                "find, ten structs": lambda n: db.find(
                    Item, where=where(n), order_by=t.id, limit=100
                ),
            },
            rounds,
            calls,
        )
        await db.execute("drop table overhead")
    await raw.close()


async def writes(url: str, rounds: int, calls: int) -> None:
    """Inside one unit of work, so that no commit blurs the picture."""
    hooks = Hooks()

    @hooks.after_create(Item)
    def nothing(event: Created[Item]) -> None: ...

    async with Database(url) as plain, Database(url, hooks=hooks) as hooked:
        await plain.execute("drop table if exists overhead; create table overhead (id int4)")
        async with plain.unit_of_work() as one, hooked.unit_of_work() as other:

            def inserting(unit: UnitOfWork) -> Callable[[int], Awaitable[object]]:
                queries = Queries(unit.session)
                return lambda n: queries.insert(id=n)

            await compare(
                {
                    "insert returning, no hook": inserting(one),
                    "the same again (control)": inserting(one),
                    "with a hook that does nothing": inserting(other),
                },
                rounds,
                calls,
            )
        await plain.execute("drop table overhead")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--url", help="a database to measure on; else a scratch server")
    parser.add_argument("--rounds", type=int, default=301)
    parser.add_argument("--calls", type=int, default=40)
    options = parser.parse_args()
    if options.url:
        server = nullcontext(options.url)
    else:
        from salacia_db.postgres.scratch import scratch_database

        server = scratch_database()
    with server as url:
        for part in (reads, units, finds, writes):
            run(part(url, options.rounds, options.calls))


if __name__ == "__main__":
    main()
