# ruff: noqa: ASYNC110 - the server is waited for
"""What one borrower does to a session, the next one doesn't see."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from items import Database

from salacia_db.runtime import Statement

SCHEMA = """
do $$ begin create role salacia_role; exception when others then null; end $$;
create sequence counter;
create function dirty(command text) returns void language plpgsql as
  'begin execute command; end';
"""
# Each leaves something behind that survives its transaction, and most of them a rollback, too.
LEAKS = {
    "role": "set role salacia_role",
    "authorization": "set session authorization salacia_role",
    "setting": "set work_mem = '123kB'",
    "own setting": "set app.tenant = 'one'",
    "path": "set search_path to pg_catalog",
    "isolation": "set default_transaction_isolation to serializable",
    "temporary table": "create temp table left_behind (id int)",
    "session lock": "select pg_advisory_lock(42)",
    "shared session lock": "select pg_advisory_lock_shared(43)",
    "listening": "listen something",
    "cursor": "declare left_open cursor with hold for select 1",
    "prepared name": 'prepare "Mine" as select 1',
    "last value": "select nextval('counter')",
}
PROBE = """
select
  current_user, session_user, current_setting('work_mem'), current_setting('search_path'),
  current_setting('default_transaction_isolation'),
  coalesce(current_setting('app.tenant', true), ''),
  to_regclass('pg_temp.left_behind') is null,
  (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
  (select count(*) from pg_listening_channels()),
  (select count(*) from pg_cursors where is_holdable),
  (select count(*) from pg_prepared_statements where name not like '\\_\\_asyncpg%')
"""
SLEEPING = (
    "select exists (select from pg_stat_activity where wait_event = 'PgSleep' "
    "and datname = current_database())"
)
PROBED = Statement("probed", PROBE, read_only=True, clean=True)


async def by_raw_sql(db: Database, leak: str) -> None:
    await db.execute(leak)


async def by_raw_sql_that_fails(db: Database, leak: str) -> None:
    with pytest.raises(Exception, match="division by zero"):
        await db.execute(f"{leak}; commit; select 1/0")


async def by_raw_sql_that_is_cancelled(db: Database, leak: str) -> None:
    watcher = await asyncpg.connect(db.settings.url)
    task = asyncio.ensure_future(db.execute(f"{leak}; select pg_sleep(60)"))
    async with asyncio.timeout(20):
        # What is cancelled before the server has read it runs to its end.
        while not await watcher.fetchval(SLEEPING):
            await asyncio.sleep(0.01)
    watcher.terminate()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def in_a_unit_that_is_kept(db: Database, leak: str) -> None:
    async with db.unit_of_work() as uow:
        await uow.execute(leak)


async def in_a_unit_that_is_undone(db: Database, leak: str) -> None:
    async with db.unit_of_work() as uow:
        await uow.execute(leak)
        await uow.rollback()


async def in_a_deferred_unit(db: Database, leak: str) -> None:
    async with db.unit_of_work(defer_begin=True) as uow:
        await uow.items.list()
        await uow.execute(leak)


async def by_the_drivers_connection(db: Database, leak: str) -> None:
    async with db.unit_of_work() as uow:
        connection = await uow.connection()
        await connection.execute(leak)


async def by_a_statement(db: Database, leak: str) -> None:
    await db.session.execute(Statement("leaks", leak))


async def by_a_statement_in_a_unit(db: Database, leak: str) -> None:
    async with db.unit_of_work() as uow:
        await uow.session.execute(Statement("leaks", leak))


async def by_a_function(db: Database, leak: str) -> None:
    statement = Statement("leaks", "select dirty($1)")
    for _ in range(2):  # the second time it is held already
        await db.session.execute(statement, leak)
        await db.fetchval("select 1")


WAYS = [
    by_raw_sql,
    by_raw_sql_that_fails,
    by_raw_sql_that_is_cancelled,
    in_a_unit_that_is_kept,
    in_a_unit_that_is_undone,
    in_a_deferred_unit,
    by_the_drivers_connection,
    by_a_statement,
    by_a_statement_in_a_unit,
    by_a_function,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_nothing_crosses_to_the_next_borrower(
    connect, way: Callable[[Database, str], Awaitable[None]]
) -> None:
    db: Database = await connect(pool_max=1)
    await db.execute(SCHEMA)
    before = tuple(await db.session.fetchone(PROBED))
    pid = await db.fetchval("select pg_backend_pid()")
    for name, leak in LEAKS.items():
        if way is by_a_function and name == "cursor":
            continue  # a cursor of a function's ends with it
        await way(db, leak)
        assert tuple(await db.session.fetchone(PROBED)) == before, name
        with pytest.raises(Exception, match="lastval is not yet defined"):
            await db.fetchval("select lastval()")
        assert await db.fetchval("select pg_backend_pid()") == pid, name


async def test_a_statement_that_leaks_would_be_seen(connect) -> None:
    """The probe of the test above notices each leak: here nobody cleans, since all are "clean"."""
    db: Database = await connect(pool_max=1)
    await db.execute(SCHEMA)
    for name, leak in LEAKS.items():
        async with db.unit_of_work() as uow:
            before = tuple(await uow.session.fetchone(PROBED))
            await uow.session.execute(Statement(name, leak, clean=True))
        if name != "last value":
            assert tuple(await db.session.fetchone(PROBED)) != before, name
        await db.execute("select 1")


async def test_prepared_names_of_the_driver_stay_and_a_persons_go(connect) -> None:
    db: Database = await connect(pool_max=1)
    await db.items.list()
    async with db.unit_of_work() as uow:
        connection = await uow.connection()
        prepared = await connection.prepare("select 7", name="seven")
        assert await prepared.fetchval() == 7
    await db.execute('deallocate all; prepare a as select 1; prepare "B \'b" as select 2')
    assert await db.fetch("select 1 from pg_prepared_statements where name !~ '^__asyncpg'") == []
    assert await db.fetchval("select 1") == 1


async def test_codecs_and_callbacks_of_the_driver_go_with_their_borrower(
    connect, bystander: asyncpg.Connection
) -> None:
    db: Database = await connect(pool_max=1)
    heard: list[Any] = []

    def hear(*said: object) -> None:
        heard.append(said)

    async with db.unit_of_work() as uow:
        connection = await uow.connection()
        connection.add_query_logger(hear)
        connection.add_log_listener(hear)
        await connection.add_listener("news", hear)
    heard.clear()
    await bystander.execute("notify news")
    await db.execute("do $$ begin raise warning 'loud'; end $$")
    assert heard == []
    async with db.unit_of_work() as uow:
        connection = await uow.connection()
        await connection.set_type_codec(
            "int4", schema="pg_catalog", encoder=str, decoder=lambda text: f"<{text}>"
        )
        assert await uow.fetchval("select 1") == "<1>"
    assert await db.fetchval("select 1") == 1
