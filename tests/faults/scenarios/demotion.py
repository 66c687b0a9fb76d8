"""A primary that lives on, but must not be written to any more: its standby takes its place."""

import asyncio
from urllib.parse import urlsplit

import asyncpg

from faults.proxy import CuttingProxy
from faults.scenario import Bench, scenario
from faults.scenarios.failover import REPLICATED, until
from faults.servers import Standby, standby_of
from salacia_db.postgres.account import give, server_account

_LEFT_BEHIND = "select count(*) from pg_stat_activity where application_name = $1"


async def fence(old: asyncpg.Connection) -> None:
    """Makes a server read-only, and waits for the transactions that began before."""
    await old.execute("alter system set default_transaction_read_only = on")
    await old.execute("select pg_reload_conf()")
    await until(old, "show default_transaction_read_only", "on")
    began = await old.fetchval("select now()::text")
    others = f"xact_start < '{began}' and backend_type = 'client backend'"
    await until(old, f"select count(*) from pg_stat_activity where {others}", 0)


async def move_on(bench: Bench, standby: Standby) -> None:
    """Makes the standby the server whose ledger counts."""
    await standby.promote()
    bench.direct = standby.url()
    await bench.connect_again()


async def all_have_left(bench: Bench, old: asyncpg.Connection) -> None:
    """Every connection can write, and none leads to the old server: those that do are too many."""
    await bench.all_write()
    for _ in range(20):
        left = await old.fetchval(_LEFT_BEHIND, bench.client.application)
        if left == 0:
            return
        await asyncio.sleep(0.05)
    bench.violations["S"] += left


@scenario(
    "a primary made read-only, its standby promoted, both named in the URL",
    quick=1,
    full=1,
    own=True,
    settings=REPLICATED,
)
async def demoted_read_only(bench: Bench) -> None:
    standby = await bench.keep(standby_of(bench.server))
    there = await bench.keep(CuttingProxy(standby.url()))
    first, second = urlsplit(bench.proxy.url), urlsplit(there.url)
    both = f"{first.netloc},{second.hostname}:{second.port}"
    await bench.client.close()
    bench.client.url = f"postgresql://{both}{first.path}?target_session_attrs=read-write"
    await bench.client.open()
    old = await asyncpg.connect(bench.server.url())
    async with bench.load():
        await asyncio.sleep(0.3)
        await fence(old)
        written = await old.fetchval("select pg_current_wal_lsn()::text")
        replica = await asyncpg.connect(standby.url())
        await until(replica, f"select pg_last_wal_replay_lsn() >= '{written}'", True)
        await replica.close()
        await move_on(bench, standby)
        await bench.recovered()
        await asyncio.sleep(0.5)
    await all_have_left(bench, old)
    old.terminate()


@scenario(
    "a primary restarted as a standby, the address that it had moved later",
    quick=1,
    full=1,
    own=True,
    settings=REPLICATED,
)
async def demoted_standby(bench: Bench) -> None:
    standby = await bench.keep(standby_of(bench.server))
    async with bench.load():
        await asyncio.sleep(0.3)
        # It ends once the standby has all.
        await bench.server.stop("fast")
        await move_on(bench, standby)
        _follow(bench, standby)
        await bench.server.start()
        old = await asyncpg.connect(bench.server.url())
        await until(old, "select pg_is_in_recovery()", True)
        await bench.recovered()
        await asyncio.sleep(0.2)
        bench.proxy.lead_to(bench.direct)
        await asyncio.sleep(0.5)
    await all_have_left(bench, old)
    old.terminate()


def _follow(bench: Bench, standby: Standby) -> None:
    """Has the bench's server come up as a standby of what was its own."""
    data = bench.server.data
    (data / "standby.signal").touch()
    with (data / "postgresql.auto.conf").open("a") as file:
        file.write(f"primary_conninfo = '{standby.conninfo}'\n")
    give(data, server_account())
