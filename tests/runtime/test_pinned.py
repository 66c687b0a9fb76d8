# ruff: noqa: PT012 - a unit of work raises at the end of its block
"""A database pinned to a connection whose transaction the test rolls back."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from items import Database

from salacia_db.runtime import (
    ForeignKeyViolation,
    Hooks,
    InvalidArgument,
    PoolTimeout,
    ReadOnlyTransaction,
    Statement,
    TransactionRolledBack,
    UniqueViolation,
    UsageError,
)
from salacia_db.runtime.pinned import pin


@pytest.fixture
async def connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    made = await asyncpg.connect(url)
    await made.execute("begin")
    yield made
    assert made.is_in_transaction()
    await made.execute("rollback")
    assert await made.fetchval("select count(*) from item") == 0
    await made.close()


@pytest.fixture
async def db(connection: asyncpg.Connection) -> Database:
    return pin(Database, connection, timeout=1)


async def test_it_is_the_generated_class_with_its_groups(db: Database) -> None:
    assert isinstance(db, Database)
    made = await db.items.insert(1, note={"a": 1})
    assert await db.items.list() == [made]
    async with db.unit_of_work() as uow:
        assert await uow.items.get(id=1) == made
    async with db as same:
        assert same is db


async def test_a_failing_statement_spoils_nothing(db: Database) -> None:
    await db.items.insert(1)
    for _ in range(2):
        with pytest.raises(UniqueViolation):
            await db.items.insert(1)
    with pytest.raises(UniqueViolation):
        await db.items.copy([(2, "x", 0, None), (1, "y", 0, None)])
    assert len(await db.items.list()) == 1
    assert [item.id async for item in db.items.stream()] == [1]


async def test_units_keep_or_undo_as_a_whole(db: Database) -> None:
    async with db.unit_of_work() as uow:
        await uow.items.insert(1)
        with pytest.raises(UniqueViolation):
            async with uow.savepoint():
                await uow.items.insert(1)
    with pytest.raises(ZeroDivisionError):
        async with db.unit_of_work() as uow:
            await uow.items.insert(2)
            raise ZeroDivisionError
    with pytest.raises(TransactionRolledBack) as caught:
        async with db.unit_of_work() as uow:
            await uow.items.insert(3)
            with pytest.raises(UniqueViolation):
                await uow.items.insert(1)
    assert isinstance(caught.value.__cause__, UniqueViolation)
    assert [item.id for item in await db.items.list()] == [1]


async def test_hooks_run_where_the_outermost_unit_ends(connection) -> None:
    hooks = Hooks()
    told: list[str] = []
    hooks.after_commit()(lambda event: told.append(type(event).__name__))
    db = pin(Database, connection, hooks=hooks)
    async with db.unit_of_work() as uow:
        uow.after_commit(told.append, "unit")
        async with uow.unit_of_work() as inner:
            await inner.items.insert(1)
        assert told == []
    assert told == ["unit", "Created"]
    with pytest.raises(ZeroDivisionError):
        async with db.unit_of_work() as uow:
            await uow.items.delete(1)
            raise ZeroDivisionError
    await db.items.rename(1, "new")
    assert told == ["unit", "Created", "Updated"]


async def test_what_commit_would_refuse_is_refused(db: Database) -> None:
    with pytest.raises(ForeignKeyViolation):
        async with db.unit_of_work() as uow:
            await uow.execute("insert into child values (1, 99)")
    assert await db.fetchval("select count(*) from child") == 0
    async with db.unit_of_work() as uow:
        await uow.execute("insert into child values (1, 1)")
        await uow.items.insert(1)


async def test_settings_and_access_mode_end_with_the_unit(db: Database) -> None:
    before = await db.fetchval("select current_setting('search_path')")
    settings = {"app.tenant": "it's", "search_path": "pg_catalog, public"}
    async with db.unit_of_work(settings=settings) as uow:
        assert await uow.fetchval("select current_setting('app.tenant')") == "it's"
    assert await db.fetchval("select current_setting('app.tenant')") == ""
    assert await db.fetchval("select current_setting('search_path')") == before
    with pytest.raises(ReadOnlyTransaction):
        async with db.unit_of_work(read_only=True) as uow:
            await uow.items.insert(1)
    async with db.unit_of_work(read_only=True) as uow:
        assert await uow.items.list() == []
    await db.items.insert(1)


async def test_tasks_wait_for_each_other(db: Database) -> None:
    async def work(number: int) -> None:
        async with db.unit_of_work() as uow:
            await uow.items.insert(number)
            await asyncio.sleep(0.01)
            if number % 2:
                await uow.rollback()

    await asyncio.gather(*(work(number) for number in range(6)))
    assert [item.id for item in await db.items.list()] == [0, 2, 4]


async def test_the_database_can_be_used_within_a_unit_of_the_same_task(db: Database) -> None:
    async with db.unit_of_work() as uow:
        await uow.items.insert(1)
        assert len(await db.items.list()) == 1
        with pytest.raises(PoolTimeout, match="in use by another task"):
            await asyncio.gather(asyncio.create_task(db.items.list()))


async def test_a_cancelled_unit_goes_back(db: Database) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), db.unit_of_work() as uow:
            await uow.items.insert(1)
            await uow.items.sleep(s=30)
    with pytest.raises(TransactionRolledBack, match="cancelled"):
        async with db.unit_of_work() as uow:
            await uow.items.insert(1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await uow.items.sleep(s=30)
    assert await db.items.list() == []
    await db.items.insert(1)


async def test_isolation_is_what_the_test_began_with_or_is_refused(db: Database) -> None:
    async with db.unit_of_work(isolation="read committed") as uow:
        await uow.items.insert(1)
    for wanted in ("repeatable read", "serializable"):
        with pytest.raises(UsageError, match=rf"'{wanted}' can't begin .*salacia_isolation"):
            async with db.unit_of_work(isolation=wanted) as uow:
                await uow.items.insert(2)
    assert [item.id for item in await db.items.list()] == [1]


async def test_units_may_ask_for_less_isolation_than_there_is(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("begin isolation level serializable")
    db = pin(Database, connection)
    for wanted in ("read committed", "repeatable read", "serializable"):
        async with db.unit_of_work(isolation=wanted, settings={"app.x": wanted}) as uow:
            assert await uow.fetchval("select current_setting('app.x')") == wanted
    await connection.close()


async def test_its_statistics_are_those_of_its_one_connection(db: Database) -> None:
    async with db.unit_of_work() as uow:
        await uow.items.insert(1)
        pool = db.stats().pool
    assert (pool.max, pool.open, pool.in_use) == (1, 1, 1)


async def test_a_refused_write_is_no_reason_to_give_the_connection_up(db: Database) -> None:
    with pytest.raises(ReadOnlyTransaction):
        async with db.unit_of_work() as uow:
            await uow.execute("set transaction read only")
            await uow.items.insert(1)
    await db.items.insert(1)
    assert len(await db.items.list()) == 1


async def test_a_changed_composite_is_read_again(
    db: Database, connection: asyncpg.Connection
) -> None:
    whole = Statement("items.whole", "select i from item i", read_only=True, clean=True)
    write = Statement("places", "select $1::place", read_only=True, clean=True)
    await db.items.insert(1)
    await connection.execute("create type place as (x int)")
    assert len(await db.session.fetchval(whole)) == 4
    assert await db.session.fetchval(write, (1,)) == (1,)
    await connection.execute("alter table item add extra int; alter type place add attribute y int")
    assert len(await db.session.fetchval(whole)) == 5
    assert await db.session.fetchval(write, (1, 2)) == (1, 2)
    with pytest.raises(InvalidArgument):
        await db.session.fetchval(write, 7)
