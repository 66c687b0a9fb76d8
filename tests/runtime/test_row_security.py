# ruff: noqa: PT012 - a unit of work raises at the end of its block
"""Row-level security by tenant: whatever is called and cancelled, nobody sees another's rows.

`SALACIA_TENANT_CALLS=10000 pytest tests/runtime/test_row_security.py` makes more calls than CI.
"""

import asyncio
import os
import random
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest
from items import Database

from salacia_db.runtime import PermissionDenied, Statement
from salacia_db.runtime.units.unit_of_work import UnitOfWork
from tests.bouncer import find_pgbouncer, pgbouncer

CALLS = int(os.environ.get("SALACIA_TENANT_CALLS", "1000"))
TENANTS = ("one", "two")
ROLE = "salacia_tenants"
SCHEMA = f"""
do $$ begin create role {ROLE} login; exception when duplicate_object then null; end $$;
create table note (id int primary key, tenant text not null, body text not null);
alter table note enable row level security;
create policy own on note using (tenant = nullif(current_setting('app.tenant', true), ''));
grant select, insert, update, delete on note to {ROLE};
insert into note select -n, case when n % 2 = 0 then 'one' else 'two' end, 'old'
  from generate_series(1, 20) n;
"""
LIST = Statement("notes.list", "select id, tenant, body from note", read_only=True, clean=True)
ADD = Statement(
    "notes.add",
    "insert into note values ($1, $2, 'new') returning id, tenant, body",
    clean=True,
    tracked="insert into note values ($1, $2, 'new') returning id, tenant, body, "
    "pg_current_xact_id()",
)
CHANGE = Statement("notes.change", "update note set body = $1 returning id, tenant", clean=True)


@pytest.fixture(params=["itself", "pgbouncer"])
def route(request: pytest.FixtureRequest, url: str) -> Iterator[tuple[str, dict[str, object]]]:
    """The URL for the ordinary role, and the settings that it takes."""
    database = urlsplit(url).path[1:]
    if request.param == "itself":
        yield url.replace("postgres@", f"{ROLE}@"), {"pool_max": 5}
        return
    if find_pgbouncer() is None:
        pytest.skip("pgbouncer is neither on PATH nor in /usr/sbin")
    with pgbouncer(url, users=(ROLE,), size=3) as running:
        yield running.url(database, ROLE), {"pool_max": 8, "pooler": "transaction"}


class Tenants:
    """Calls of two tenants and of nobody; notes what was written for certain, and what was seen."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.random = random.Random(7)
        self.kept: dict[int, str] = {}
        self.undone: set[int] = set()
        self.seen = dict.fromkeys((*TENANTS, None), 0)

    def see(self, tenant: str | None, rows: list[tuple[object, ...]]) -> None:
        assert {row[1] for row in rows} <= {tenant}
        self.seen[tenant] += len(rows)

    async def call(self, number: int) -> None:
        tenant = self.random.choice(TENANTS)
        kinds = (self.read, self.read, self.add, self.trespass, self.change, self.fail, self.nobody)
        await self.random.choice(kinds)(number, tenant)

    def unit(self, tenant: str) -> UnitOfWork:
        return self.db.unit_of_work(settings={"app.tenant": tenant})

    async def read(self, number: int, tenant: str) -> None:
        async with self.unit(tenant) as uow:
            self.see(tenant, await uow.session.fetch(LIST))
            async with uow.unit_of_work() as inner:
                self.see(tenant, await inner.fetch("select id, tenant from note"))
            self.see(tenant, [row async for row in uow.session.stream(LIST, (), list)])

    async def add(self, number: int, tenant: str) -> None:
        async with self.unit(tenant) as uow:
            uow.after_commit(self.kept.__setitem__, number, tenant)
            uow.after_rollback(self.undone.add, number)
            self.see(tenant, await uow.session.fetch(ADD, number, tenant))

    async def trespass(self, number: int, tenant: str) -> None:
        other = TENANTS[tenant == TENANTS[0]]
        with pytest.raises(PermissionDenied, match="row-level security"):
            async with self.unit(tenant) as uow:
                await uow.session.fetch(ADD, number, other)
        with pytest.raises(PermissionDenied, match="row-level security"):
            await self.db.session.fetch(ADD, number, tenant)

    async def change(self, number: int, tenant: str) -> None:
        async with self.unit(tenant) as uow:
            self.see(tenant, await uow.session.fetch(CHANGE, f"changed by {number}"))
            if number % 2:
                await uow.rollback()

    async def fail(self, number: int, tenant: str) -> None:
        with pytest.raises(ZeroDivisionError):
            async with self.unit(tenant) as uow:
                self.see(tenant, await uow.session.fetch(ADD, number, tenant))
                raise ZeroDivisionError

    async def nobody(self, number: int, tenant: str) -> None:
        self.see(None, await self.db.session.fetch(LIST))
        self.see(None, await self.db.fetch("select id, tenant from note"))
        async with self.db.unit_of_work() as uow:
            self.see(None, await uow.session.fetch(CHANGE, "nobody's"))


async def test_nobody_sees_or_writes_the_rows_of_another(
    connect: Callable[..., object], route: tuple[str, dict[str, object]], bystander
) -> None:
    await bystander.execute(SCHEMA)
    where, settings = route
    db: Database = await connect(url=where, pool_acquire=30.0, **settings)  # type: ignore[misc]
    tenants = Tenants(db)
    loop = asyncio.get_running_loop()
    cancelled = 0
    for start in range(0, CALLS, 100):
        tasks = [asyncio.ensure_future(tenants.call(1 + start + n)) for n in range(100)]
        for task in tasks:
            if tenants.random.random() < 0.3:
                loop.call_later(tenants.random.uniform(0, 0.1), task.cancel)
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, asyncio.CancelledError):
                cancelled += 1
            elif result is not None:
                raise result
    assert cancelled > CALLS / 50
    assert min(tenants.seen[tenant] for tenant in TENANTS) > CALLS
    assert tenants.seen[None] == 0
    await is_true_of_the_table(tenants, bystander)


async def is_true_of_the_table(tenants: Tenants, bystander: asyncpg.Connection) -> None:
    found = {row["id"]: row for row in await bystander.fetch("select * from note")}
    new = {number: row["tenant"] for number, row in found.items() if number > 0}
    assert tenants.kept == new
    assert not tenants.undone & new.keys()
    old = {number: row["tenant"] for number, row in found.items() if number < 0}
    assert old == {-n: "two" if n % 2 else "one" for n in range(1, 21)}
    assert not any(row["body"] == "nobody's" for row in found.values())
