"""The schema changed while callers work."""

import asyncio

from faults.clients import Session
from faults.ledger import Entry
from faults.scenario import Bench, Step, scenario

_TYPES = """
drop table if exists kinds; drop type if exists kind, pair;
create type kind as enum ('a', 'b'); create type pair as (x int, y {y});
create table kinds (k kind, p pair, l kind[]);
insert into kinds values ('a', (1, 2), '{{a,b}}');
"""
_CHANGES = (
    "alter table ledger add column more int default 7",
    "alter table ledger alter column note type varchar(99)",
    "alter table ledger drop column more",
    "alter table ledger alter column note type text",
)


async def _under_load(bench: Bench, work: Step) -> None:
    async def change(sql: str) -> None:
        # As a careful migration does: rather fail than have everybody wait behind it.
        await bench.bystander.execute(f"set lock_timeout = '500ms'; {sql}")

    await change(_TYPES.format(y="int"))
    async with bench.load(work=work):
        for number in range(bench.attempts):
            await asyncio.sleep(0.05)
            await change(_CHANGES[number % len(_CHANGES)])
            await change(_TYPES.format(y="text" if number % 2 else "bigint"))

    # All is as it will stay: every connection must have learned it, at the second call at latest.
    for _ in range(2):
        await bench.together(bench.attempt(work) for _ in range(bench.client.size))
    await bench.all_write(work)


@scenario("columns altered, types of results made again, under load", quick=4, full=40)
async def ddl_under_load(bench: Bench) -> None:
    async def work(session: Session, entry: Entry) -> None:
        await session.write(entry, 0)
        await session.fetchval("select array_agg(kinds) from kinds")
        await session.write(entry, 1)

    await _under_load(bench, work)


@scenario("an enum that is a parameter's type made again, under load", quick=4, full=40)
async def enum_made_again(bench: Bench) -> None:
    async def work(session: Session, entry: Entry) -> None:
        await session.write(entry, 0)
        await session.kind("a")
        await session.write(entry, 1)

    await _under_load(bench, work)
