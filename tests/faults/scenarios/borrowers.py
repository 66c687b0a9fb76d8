"""Borrowers who leave something behind, or never give back what they borrowed."""

import gc

from faults.checks import STATE
from faults.clients import Asyncpg, Salacia, Session
from faults.ledger import Entry
from faults.scenario import Bench, scenario

_TRACES = """
set search_path to pg_catalog, public;
select set_config('faults.setting', 'theirs', false);
set work_mem to '8MB';
set statement_timeout to '9s';
set default_transaction_isolation to 'serializable';
create temporary table mine (id int);
select pg_try_advisory_lock(7);
prepare theirs as select 1;
listen news;
declare theirs cursor with hold for select generate_series(1, 9);
set role pg_monitor;
"""


class Regret(Exception):
    """What a block raises that has changed its mind."""


@scenario("role, settings, search_path, temporary tables, locks, LISTEN", quick=30, full=900)
async def state_leaks(bench: Bench) -> None:
    async def work(session: Session, entry: Entry) -> None:
        # What the one before has left.
        state = await session.fetchval(STATE)
        bench.violations["L"] += state != bench.fresh
        await session.write_all(entry)
        await session.execute(_TRACES)
        if entry.id % 3 == 1:
            raise Regret

    for _ in range(bench.attempts // 3):
        await bench.together(
            bench.attempt(work, cancel_after=cancel) for cancel in ((), (), (0.006,))
        )


@scenario("units of work that are begun and forgotten", quick=6, full=60, acquire=0.5)
async def leaked_connections(bench: Bench) -> None:
    async def forget(entry: Entry) -> None:
        match bench.client:
            case Salacia(db=db):
                unit = await db.unit_of_work().__aenter__()
                await unit.ledger.add(entry.id, 0)
            case Asyncpg(pool=pool):
                unit = await pool.acquire(timeout=bench.client.acquire)
                await unit.transaction().start()
                await unit.execute("insert into ledger (id, part) values ($1, 0)", entry.id)
        # The traceback of what is raised would keep it.
        del unit
        raise Regret

    for _ in range(bench.attempts):
        await bench.observe(forget)
        gc.collect()
