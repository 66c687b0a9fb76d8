"""A primary that dies for good, and a standby that takes its place."""

import asyncio

import asyncpg

from faults.proxy import always
from faults.scenario import Bench, scenario
from faults.servers import Standby, standby_of
from salacia_db.runtime import CommitOutcomeUnknown

REPLICATED = {"wal_level": "replica", "max_wal_senders": "4", "hot_standby": "on"}


async def take_over(bench: Bench, standby: Standby) -> None:
    """Makes the standby the primary, to which all new clients come."""
    await standby.promote()
    bench.direct = standby.url()
    bench.proxy.lead_to(bench.direct)
    await bench.connect_again()


@scenario(
    "crash failover to an asynchronous standby, transaction numbers taken again",
    quick=4,
    full=24,
    own=True,
    size=24,
    timeout=5.0,
    settings=REPLICATED,
)
async def failover_asynchronous(bench: Bench) -> None:
    standby = await bench.keep(standby_of(bench.server))
    await bench.attempts_at_once(bench.attempts)
    await bench.fill()
    there = await asyncpg.connect(standby.url())
    await until(there, "select count(*) from ledger", 2 * bench.attempts)
    await there.execute("alter system set primary_conninfo = ''")
    await there.execute("select pg_reload_conf()")
    await until(there, "select count(*) from pg_stat_wal_receiver", 0)
    await there.close()
    # What is committed now nobody is told, and the standby never hears of it.
    bench.proxy.rule = always(b"COMMIT", "after")
    bench.proxy.refusing = True
    cut = asyncio.gather(*(bench.attempt() for _ in range(bench.attempts)))
    await until(bench.bystander, "select count(*) from ledger", 4 * bench.attempts)
    await bench.server.stop("immediate")
    await take_over(bench, standby)
    await until(bench.bystander, "select count(*) from ledger", 2 * bench.attempts)
    # The new primary gives their numbers to others, which commit.
    for _ in range(4 * bench.attempts):
        await bench.bystander.execute("select pg_current_xact_id()")
    bench.proxy.heal()
    for entry in await cut:
        if isinstance(entry.error, CommitOutcomeUnknown):
            status = "select pg_xact_status($1::text::xid8)"
            found = await bench.bystander.fetchval(status, str(entry.error.xid))
            assert found == "committed", "the number was not taken again"


@scenario(
    "crash failover to a synchronous standby, under load",
    quick=1,
    full=1,
    own=True,
    settings=REPLICATED,
)
async def failover_synchronous(bench: Bench) -> None:
    standby = await bench.keep(standby_of(bench.server))
    await bench.bystander.execute("alter system set synchronous_standby_names = '*'")
    await bench.bystander.execute("select pg_reload_conf()")
    async with bench.load():
        await asyncio.sleep(1)
        await bench.server.stop("immediate")
        await take_over(bench, standby)
        await bench.recovered()


async def until(connection: asyncpg.Connection, sql: str, value: object) -> None:
    """Waits until the server answers so."""
    for _ in range(500):
        if await connection.fetchval(sql) == value:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{sql} didn't become {value}")
