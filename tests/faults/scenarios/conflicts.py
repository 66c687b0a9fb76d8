"""Transactions in each other's way, repeated until they succeed: money is moved, none is made."""

from random import Random

from faults.clients import Session
from faults.ledger import Entry
from faults.scenario import Bench, scenario
from salacia_db.runtime.units.options import Isolation

ACCOUNTS, EACH = 4, 1000
CALLERS = 16


async def _transfers(bench: Bench, isolation: Isolation, *, lock: bool) -> None:
    random = Random(4)
    database = await bench.bystander.fetchval("select current_database()")
    await bench.bystander.execute(
        "create table account (id int primary key, balance int not null);"
        f"insert into account select n, {EACH} from generate_series(1, {ACCOUNTS}) n;"
        f"alter database \"{database}\" set deadlock_timeout = '5ms'"
    )

    async def transfer(entry: Entry) -> None:
        source, target = random.sample(range(1, ACCOUNTS + 1), 2)

        async def work(session: Session) -> None:
            balances = []
            for account in (source, target):
                select = f"select balance from account where id = {account}"
                balances.append(await session.fetchval(select + (" for update" if lock else "")))
            update = "update account set balance = $1 where id = $2"
            await session.execute(update, balances[0] - 1, source)
            await session.write_all(entry)
            await session.execute(update, balances[1] + 1, target)

        await bench.client.repeat(entry, work, isolation)

    async def caller(count: int) -> None:
        for _ in range(count):
            await bench.observe(transfer, deadline=30.0)

    await bench.together(caller(bench.attempts // CALLERS) for _ in range(CALLERS))
    total = await bench.bystander.fetchval("select sum(balance) from account")
    bench.violations["A"] += total != ACCOUNTS * EACH


@scenario("serialization failures, the sum conserved", quick=64, full=800, size=8)
async def serialization_storm(bench: Bench) -> None:
    await _transfers(bench, "serializable", lock=False)


@scenario("deadlocks, the sum conserved", quick=64, full=800, size=8)
async def deadlock_storm(bench: Bench) -> None:
    await _transfers(bench, "read committed", lock=True)
