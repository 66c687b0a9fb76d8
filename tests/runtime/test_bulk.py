# ruff: noqa: PT012 - a unit of work raises at the end of its block
"""Bulk calls, COPY and streams."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import pytest
from items import Database, Item

from salacia_db.runtime import (
    CommitOutcomeUnknown,
    ConnectionLost,
    DeadlineExceeded,
    ReadOnlyTransaction,
    Statement,
    UniqueViolation,
    UsageError,
)


def rows(count: int, start: int = 0) -> list[tuple[object, ...]]:
    return [(n, f"item {n}", n, {"n": n}) for n in range(start, start + count)]


async def test_bulk_results_come_in_the_order_of_the_arguments(db: Database) -> None:
    made = await db.items.insert_many(reversed(rows(1000)))
    assert [item.id for item in made] == list(reversed(range(1000)))
    assert made[0] == Item(999, "item 999", 999, {"n": 999})
    assert await db.items.insert_many([]) == []


async def test_bulk_calls_count_what_they_affect(db: Database) -> None:
    assert await db.items.add_many(rows(10)) == 10
    assert await db.items.raise_many([1, 2, 3]) == 30
    assert await db.items.add_many([]) == 0
    assert await db.items.copy(rows(5, start=10)) == 5
    assert await db.fetchval("select sum(amount) from item") == 45 + 60 + 60


async def test_bulk_calls_do_all_or_nothing(db: Database) -> None:
    bad = [*rows(700), (3, "twice", 0, None)]
    for call in (db.items.insert_many, db.items.add_many, db.items.copy):
        with pytest.raises(UniqueViolation) as caught:
            await call(bad)
        assert caught.value.constraint == "item_pkey"
    async with db.unit_of_work() as uow:
        with pytest.raises(UniqueViolation):
            async with uow.savepoint():
                await uow.items.copy(bad)
        assert await uow.items.insert_many(rows(2))
    assert len(await db.items.list()) == 2


async def test_the_number_rides_on_bulk_calls_as_well(db: Database) -> None:
    async with db.unit_of_work() as uow:
        await uow.items.insert_many(rows(3))
        assert uow.session.transaction.xid == await uow.fetchval("select pg_current_xact_id()")


async def test_an_error_of_the_source_passes_untouched(db: Database) -> None:
    def source() -> Iterator[tuple[object, ...]]:
        yield from rows(3)
        raise ValueError("the source")

    with pytest.raises(ValueError, match=r"^the source$"):
        await db.items.copy(source())
    with pytest.raises(ValueError, match=r"^the source$"):
        await db.items.insert_many(source())
    assert await db.items.list() == []


@pytest.mark.parametrize("name", ["insert_many", "copy"])
async def test_a_bulk_call_on_a_frozen_server_ends_at_its_deadline(connect, name: str) -> None:
    db = await connect(pool_max=1, timeout=0.3)
    pid = await db.fetchval("select pg_backend_pid()")
    await db.items.list()
    big = [(n, f"{n}" * 2000, 0, None) for n in range(3000)]
    async with db.unit_of_work() as uow:
        await uow.items.list()
    try:
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            await getattr(db.items, name)(big)
        assert time.monotonic() - began < 0.6
    finally:
        os.kill(pid, signal.SIGCONT)
    assert await db.items.list() == []


async def test_a_bulk_call_that_stalls_half_way_ends_at_its_deadline(connect, proxy) -> None:
    db = await connect(url=proxy.url, pool_max=1, timeout=0.4)
    big = [(n, f"{n} " * 2000, 0, None) for n in range(3000)]
    seen: list[int] = []

    def stall(data: bytes) -> str | None:
        seen.append(len(data))
        return "hole" if sum(seen) > 1_000_000 else None

    for name in ("insert_many", "copy"):
        await db.items.list()
        seen.clear()
        proxy.rule = stall
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            await getattr(db.items, name)(big)
        assert time.monotonic() - began < 1.2
        proxy.rule = lambda data: None
    assert await db.items.list() == []


@pytest.mark.parametrize("name", ["insert_many", "copy"])
async def test_a_cancelled_bulk_call_leaves_nothing(connect, name: str) -> None:
    db = await connect(pool_max=1)
    big = [(n, f"{n} " * 500, 0, None) for n in range(20_000)]
    task = asyncio.ensure_future(getattr(db.items, name)(big))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await db.items.list() == []


async def test_a_bulk_call_that_loses_its_connection_says_what_is_known(connect, proxy, db) -> None:
    cut = await connect(url=proxy.url, timeout=2)
    proxy.rule = lambda data: "before" if b"item 2" in data else None
    with pytest.raises(ConnectionLost):
        await cut.items.insert_many(rows(10))
    proxy.rule = lambda data: "after" if b"COMMIT" in data else None
    try:
        await cut.items.insert_many(rows(10))
    except CommitOutcomeUnknown:  # the proxy cuts the lookup's connection only at a COMMIT
        pytest.fail("the number was known")
    assert len(await db.items.list()) == 10


# --- streams --------------------------------------------------------------------------------------


async def test_a_stream_gives_every_row_in_order(db: Database) -> None:
    await db.items.copy(rows(1234))
    assert [item.id async for item in db.items.stream()] == list(range(1234))
    chunks = [chunk async for chunk in db.items.stream().chunks()]
    assert sum(map(len, chunks)) == 1234
    assert len(chunks) > 1
    assert isinstance(chunks[0][0], Item)
    async with db.unit_of_work() as uow:
        await uow.items.delete(0)
        found = []
        async for item in uow.items.stream():
            found.append(item.id)
            if item.id == 700:
                assert await uow.items.get(id=701) is not None
        assert found == list(range(1, 1234))


@pytest.mark.parametrize("number", [499, 500, 501, 1000])
async def test_a_stream_ends_where_its_chunks_do(db: Database, number: int) -> None:
    await db.items.copy(rows(number))
    assert [item.id async for item in db.items.stream()] == list(range(number))
    async with db.unit_of_work() as uow:
        assert len([item async for item in uow.items.stream()]) == number
        # Nothing of it stays open in the transaction.
        assert await uow.fetchval("select count(*) from pg_cursors where name like 'sal%'") == 0


async def test_an_empty_stream_ends_at_once(db: Database) -> None:
    assert [item async for item in db.items.stream()] == []


async def test_a_stream_left_early_gives_its_connection_back(connect, bystander) -> None:
    db = await connect(pool_max=1, pool_acquire=2)
    await db.items.copy(rows(2000))
    async for item in db.items.stream():
        if item.id == 3:
            break
    assert len(await db.items.list()) == 2000
    async with db.items.stream() as stream:
        async for _ in stream:
            break
    assert len(await db.items.list()) == 2000
    with pytest.raises(ValueError, match=r"^the source$"):
        async for _ in db.items.stream():
            raise ValueError("the source")
    assert len(await db.items.list()) == 2000
    idle = "select count(*) from pg_stat_activity where state like 'idle in tr%'"
    assert await bystander.fetchval(idle) == 0


async def test_a_stream_is_read_once(db: Database) -> None:
    stream = db.items.stream()
    assert [item async for item in stream] == []
    with pytest.raises(UsageError, match="only once"):
        async for _ in stream:
            pass


async def test_a_stream_outside_a_unit_can_not_write(db: Database) -> None:
    await db.execute("create sequence numbers")
    write = Statement("items.next", "select nextval('numbers')")
    with pytest.raises(ReadOnlyTransaction):
        _ = [row async for row in db.session.stream(write, (), list)]
    async with db.unit_of_work() as uow:
        assert [row[0] async for row in uow.session.stream(write, (), list)] == [1]
