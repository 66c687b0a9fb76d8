# ruff: noqa: PT012 - a unit of work raises at the end of its block
"""Units of work whose transaction begins with the first statement that needs one."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from cutting_proxy import CuttingProxy, once
from items import Database, Item

from salacia_db.runtime import (
    Created,
    DatabaseError,
    Hooks,
    InvalidArgument,
    InvalidValue,
    TransactionRolledBack,
    UniqueViolation,
    UsageError,
)
from salacia_db.runtime.pinned import pin

BEGIN, COMMIT = b"BEGIN", b"COMMIT"


@pytest.fixture
async def counted(connect, proxy: CuttingProxy) -> Database:
    """A database with an item, whose statements are prepared on its only connection."""
    db: Database = await connect(url=proxy.url, pool_max=1)
    await db.items.insert(1)
    async with db.unit_of_work(defer_begin=True) as uow:
        await uow.items.get(id=1)
        await uow.items.list()
        await uow.items.divide(by=1)
        await uow.items.moment()
        await uow.items.rename(id=1, name="one")
    return db


def counting(proxy: CuttingProxy) -> list[bytes]:
    sent: list[bytes] = []
    proxy.rule = lambda data: sent.append(data)
    return sent


def begins(sent: list[bytes]) -> list[int]:
    return [index for index, data in enumerate(sent) if BEGIN in data]


async def test_reads_alone_need_no_transaction(counted: Database, proxy: CuttingProxy) -> None:
    told: list[str] = []
    sent = counting(proxy)
    async with counted.unit_of_work(defer_begin=True) as uow:
        await uow.items.get(id=1)
        async with uow.unit_of_work() as inner:
            await inner.items.list()
        uow.after_commit(told.append, "kept")
    assert len(sent) == 2
    assert told == ["kept"]
    sent.clear()
    async with counted.unit_of_work(defer_begin=True) as uow:
        await uow.items.get(id=1)
        await uow.rollback()
    assert len(sent) == 1


async def test_it_begins_with_the_first_write(counted: Database, proxy: CuttingProxy) -> None:
    sent = counting(proxy)
    async with counted.unit_of_work(defer_begin=True) as uow:
        await uow.items.get(id=1)
        await uow.items.rename(id=1, name="uno")
        await uow.items.get(id=1)
    # The read, BEGIN, the write with the transaction's number, the read, COMMIT.
    assert len(sent) == 5
    assert begins(sent) == [1]
    assert COMMIT in sent[-1]


async def test_it_begins_with_what_is_not_proven(counted: Database, proxy: CuttingProxy) -> None:
    sent = counting(proxy)
    for run in (
        lambda uow: uow.items.moment(),
        lambda uow: uow.fetchval("select 1"),
        lambda uow: uow.connection(),
        lambda uow: anext(aiter(uow.items.stream().chunks())),
    ):
        sent.clear()
        async with counted.unit_of_work(defer_begin=True) as uow:
            await uow.items.get(id=1)
            await run(uow)
        assert begins(sent) == [1]


async def test_without_it_the_first_read_begins(counted: Database, proxy: CuttingProxy) -> None:
    sent = counting(proxy)
    async with counted.unit_of_work() as uow:
        await uow.items.get(id=1)
    assert begins(sent) == [0]
    assert len(sent) == 3


async def test_what_is_written_is_kept_or_not_as_a_whole(db: Database, bystander) -> None:
    async with db.unit_of_work(defer_begin=True) as uow:
        await uow.items.list()
        await uow.items.insert(1)
        await bystander.execute("insert into item (id, name) values (9, 'theirs')")
        assert [item.id for item in await uow.items.list()] == [1, 9]
        assert await bystander.fetchval("select count(*) from item") == 1
    assert await bystander.fetchval("select count(*) from item") == 2
    with pytest.raises(ZeroDivisionError):
        async with db.unit_of_work(defer_begin=True) as uow:
            await uow.items.list()
            await uow.items.insert(2)
            raise ZeroDivisionError
    assert await bystander.fetchval("select count(*) from item") == 2


async def test_a_failed_read_ends_the_unit(db: Database) -> None:
    told: list[str] = []
    with pytest.raises(TransactionRolledBack, match="swallowed") as caught:
        async with db.unit_of_work(defer_begin=True) as uow:
            uow.after_rollback(told.append, "undone")
            with pytest.raises(InvalidValue):
                await uow.items.divide(by=0)
            for call in (uow.items.insert(1), uow.items.list(), uow.fetchval("select 1")):
                with pytest.raises(DatabaseError, match="nested") as refused:
                    await call
                assert refused.value.sqlstate == "25P02"
    assert isinstance(caught.value.__cause__, InvalidValue)
    assert told == ["undone"]
    assert await db.items.list() == []


async def test_a_failed_read_in_a_nested_unit_ends_only_that(db: Database) -> None:
    async with db.unit_of_work(defer_begin=True) as uow:
        with pytest.raises(InvalidValue):
            async with uow.unit_of_work() as inner:
                await inner.items.divide(by=0)
        with pytest.raises(TransactionRolledBack, match="nested"):
            async with uow.unit_of_work() as inner:
                with pytest.raises(InvalidValue):
                    await inner.items.divide(by=0)
        await uow.items.insert(1)
    assert [item.id for item in await db.items.list()] == [1]


async def test_an_argument_that_was_never_sent_ends_nothing(db: Database) -> None:
    async with db.unit_of_work(defer_begin=True) as uow:
        with pytest.raises(InvalidArgument):
            await uow.items.get(id="one")  # type: ignore[arg-type]
        await uow.items.insert(1)
    assert len(await db.items.list()) == 1


async def test_savepoints_come_with_the_beginning(counted: Database, proxy: CuttingProxy) -> None:
    sent = counting(proxy)
    async with counted.unit_of_work(defer_begin=True) as uow:
        await uow.items.get(id=1)
        with pytest.raises(UniqueViolation):
            async with uow.unit_of_work() as inner:
                await inner.items.get(id=1)
                await inner.items.rename(id=1, name="gone")
                await inner.items.insert(1)
        found = await uow.items.get(id=1)
        assert found is not None
        assert found.name == "one"
    (only,) = begins(sent)
    assert only == 2
    assert b"SAVEPOINT s1" in sent[only]


async def test_a_cancelled_read_ends_the_unit(counted: Database, proxy: CuttingProxy) -> None:
    with pytest.raises(TransactionRolledBack, match="cancelled"):
        async with counted.unit_of_work(defer_begin=True) as uow:
            proxy.rule = once(b"", "hole")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(uow.items.get(id=1), 0.05)


async def test_hooks_see_one_transaction(connect) -> None:
    hooks = Hooks()
    seen: list[int] = []
    db: Database = await connect(hooks=hooks)

    @hooks.after_create(Item)
    async def created(event: Created[Item]) -> None:
        seen.append(len(await event.uow.items.list()))  # type: ignore[attr-defined]

    async with db.unit_of_work(defer_begin=True) as uow:
        await uow.items.list()
        await uow.items.insert(1)
        await uow.items.insert(2)
        await uow.rollback()
    assert seen == [1, 2]
    assert await db.items.list() == []


async def test_bulk_calls_read_their_rows_before_or_within(db: Database) -> None:
    await db.items.insert(1)
    async with db.unit_of_work(defer_begin=True) as uow:

        async def rows() -> AsyncIterator[tuple[int, str, int, None]]:
            for item in await uow.items.list():
                yield item.id + 1, "next", 0, None

        await uow.items.insert_many(rows())
    assert [item.id for item in await db.items.list()] == [1, 2]


@pytest.mark.parametrize(
    "options",
    [
        {"isolation": "repeatable read"},
        {"isolation": "serializable"},
        {"read_only": True},
        {"deferrable": True},
        {"settings": {"app.tenant": 1}},
    ],
)
async def test_it_is_refused_where_reads_would_miss_something(db: Database, options) -> None:
    with pytest.raises(UsageError, match=r"defer_begin.*leave out one"):
        db.unit_of_work(defer_begin=True, **options)


async def test_it_is_refused_where_the_default_is_another_isolation(connect, url: str) -> None:
    admin = await asyncpg.connect(url)
    name = await admin.fetchval("select current_database()")
    await admin.execute(f"alter database {name} set default_transaction_isolation = 'serializable'")
    await admin.close()
    db: Database = await connect()
    for _ in range(2):
        with pytest.raises(UsageError, match="SERIALIZABLE"):
            async with db.unit_of_work(defer_begin=True) as uow:
                await uow.items.list()
    async with db.unit_of_work(defer_begin=True, isolation="read committed") as uow:
        await uow.items.list()
        assert await uow.fetchval("show transaction_isolation") == "read committed"


async def test_the_default_is_asked_for_once_for_a_connection(connect, proxy: CuttingProxy) -> None:
    db: Database = await connect(url=proxy.url, pool_max=1)
    sent = counting(proxy)
    for _ in range(3):
        async with db.unit_of_work(defer_begin=True) as uow:
            await uow.items.list()
    assert len([data for data in sent if b"default_transaction_isolation" in data]) == 1


async def test_in_a_pinned_database_a_failed_read_spoils_nothing(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("begin")
    db = pin(Database, connection)
    with pytest.raises(InvalidValue):
        async with db.unit_of_work(defer_begin=True) as uow:
            await uow.items.divide(by=0)
    async with db.unit_of_work(defer_begin=True) as uow:
        await uow.items.list()
        await uow.items.insert(1)
    with pytest.raises(UsageError):
        db.unit_of_work(defer_begin=True, isolation="serializable")
    assert len(await db.items.list()) == 1
    await connection.close()
