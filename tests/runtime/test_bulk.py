# ruff: noqa: PT012 - a unit of work raises at the end of its block
"""Bulk calls, COPY and streams."""

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator, Iterator
from enum import Enum
from typing import Any

import pytest
from items import COPY, INSERT_MANY, TARGET, Database, Item
from msgspec import Struct

from salacia_db.runtime import (
    CommitOutcomeUnknown,
    ConnectionLost,
    DeadlineExceeded,
    Hooks,
    InvalidArgument,
    InvalidValue,
    ReadOnlyTransaction,
    Statement,
    UniqueViolation,
    UsageError,
)
from salacia_db.runtime.bulk import chunks


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
        async with asyncio.timeout(20):  # else it would hang
            with pytest.raises(DeadlineExceeded):
                await getattr(db.items, name)(big)
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
        async with asyncio.timeout(20):  # else it would hang
            with pytest.raises(DeadlineExceeded):
                await getattr(db.items, name)(big)
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


# --- from any source, and which row it was --------------------------------------------------------


async def test_the_index_of_the_row_at_fault_is_told(db: Database, monkeypatch) -> None:
    monkeypatch.setattr(chunks, "ROWS", 100)
    bad = [*rows(250), (3, "twice", 0, None), *rows(20, start=300), (4, "twice", 0, None)]
    for call in (db.items.insert_many, db.items.add_many, db.items.copy, db.items.unnest_many):
        with pytest.raises(UniqueViolation, match=r"\(row 250 of the list\)") as caught:
            await call(bad)
        assert caught.value.index == 250
    for call in (db.items.insert_many, db.items.add_many, db.items.copy, db.items.unnest_many):
        with pytest.raises(InvalidArgument) as refused:
            await call([*rows(130), (999, "x", "no number", None), *rows(9, start=200)])
        assert refused.value.index == 130
    assert await db.items.list() == []


async def test_a_source_that_fails_leaves_nothing_in_the_unit(db: Database, monkeypatch) -> None:
    monkeypatch.setattr(chunks, "ROWS", 10)

    async def source() -> AsyncIterator[tuple[object, ...]]:
        for row in rows(35):
            yield row
        raise ValueError("the source")

    async with db.unit_of_work() as uow:
        await uow.items.insert(999)
        with pytest.raises(ValueError, match=r"^the source$"):
            await uow.items.insert_many(source())
        with pytest.raises(InvalidArgument):
            await uow.items.unnest_many([*rows(15), (16, "x", "no number", None)])
        async with uow.savepoint():
            pass
        assert len(await uow.items.insert_many(rows(12))) == 12
    assert len(await db.items.list()) == 13


async def test_a_source_may_use_the_same_unit_between_chunks(db: Database, monkeypatch) -> None:
    monkeypatch.setattr(chunks, "ROWS", 10)
    await db.items.copy(rows(1200))
    async with db.unit_of_work() as uow:
        again = ((i.id + 5000, f"again {i.id}", 0, None) async for i in uow.items.stream())
        assert len(await uow.items.unnest_many(again)) == 1200
    assert len(await db.items.list()) == 2400


async def test_a_bulk_call_may_take_its_rows_from_another(db: Database, monkeypatch) -> None:
    monkeypatch.setattr(chunks, "ROWS", 4)
    async with db.unit_of_work() as uow:

        async def source() -> AsyncIterator[tuple[object, ...]]:
            for n in range(10):
                made = await uow.items.unnest_many(rows(2, start=1000 + 10 * n))
                yield n, f"of {made[0].name}", 0, None
            raise ValueError("the source")

        with pytest.raises(ValueError, match=r"^the source$"):
            await uow.items.insert_many(source())
        assert await uow.items.insert(1) is not None
    # What the source did by itself before the first rows went is its own.
    assert [item.id for item in await db.items.list() if item.id < 1000] == [1]


async def test_what_is_large_comes_in_smaller_chunks(db: Database) -> None:
    held: list[int] = []
    sizes: list[int] = []

    def source() -> Iterator[tuple[object, ...]]:
        for n in range(30):
            held.append(n)
            yield n, f"{n}", 0, "x" * 1_000_000

    async for chunk, _, _ in chunks.chunks(source(), tuple, "x", 0):
        sizes.append(len(chunk))
    assert max(sizes) == 10
    held.clear()
    made = await db.items.unnest_many(source())
    assert len(made) == len(held) == 30


async def test_savepoints_of_bulk_calls_do_not_pile_up(db: Database) -> None:
    async with db.unit_of_work() as uow:
        for n in range(5):
            await uow.items.insert_many(rows(3, start=10 * n))
            async with uow.savepoint():
                await uow.items.insert_many(rows(3, start=10 * n + 3))
        assert uow.session.transaction.frames[-1].marks == [
            "salacia_call_0",
            "salacia_call_0_part",
        ]
    assert len(await db.items.list()) == 30


async def test_only_the_first_chunk_asks_for_the_number_of_the_transaction(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "ROWS", 2)
    sent: list[str] = []

    async with db.unit_of_work() as uow:
        transaction = uow.session.transaction
        learn = uow.session.form

        def form(statement: Statement, *, tracked: bool) -> Statement:
            found = learn(statement, tracked=tracked)
            sent.append(found.sql.rsplit(", ", 1)[-1])
            return found

        with monkeypatch.context() as patched:
            patched.setattr(
                type(uow.session), "form", lambda _, *args, **named: form(*args, **named)
            )
            made = await uow.items.unnest_many(rows(6))
        assert transaction.xid == await uow.fetchval("select pg_current_xact_id()")
    assert [item.id for item in made] == list(range(6))
    assert ["xact" in tail for tail in sent] == [True, False, False]


# --- streams of many rows -------------------------------------------------------------------------


async def test_a_stream_holds_no_more_than_its_chunks(db: Database) -> None:
    """`SALACIA_STREAM_ROWS=10000000 pytest -k holds_no_more` is the long form."""
    number = int(os.environ.get("SALACIA_STREAM_ROWS", "200000"))
    series = Statement("series", "select i, 'row ' || i from generate_series(1, $1::int) as i")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count = 0
    stream = db.session.stream(series, (number,), list)
    async for chunk in stream.chunks():
        count += len(chunk)
    assert count == number
    # Kilobytes; two hundred thousand of these rows take some forty megabytes.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16_384


async def test_a_cancelled_stream_leaves_its_connection_whole(connect) -> None:
    db = await connect(pool_max=1, pool_acquire=2)
    await db.items.copy(rows(2000))
    started = asyncio.Event()

    async def read() -> None:
        async for _ in db.items.stream():
            started.set()
            await asyncio.sleep(10)

    task = asyncio.ensure_future(read())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await db.items.list()) == 2000


async def test_an_error_in_the_middle_of_a_stream_is_told(db: Database) -> None:
    fails = Statement("fails", "select 1 / (i - 700) from generate_series(1, 1000) as i")
    seen = 0
    with pytest.raises(InvalidValue):
        async for _ in db.session.stream(fails, (), list):
            seen += 1
    assert seen == 500
    assert await db.items.list() == []


class Mood(Enum):
    SAD = "sad"


class Felt(Struct, frozen=True):
    id: int
    mood: Mood


def converted(row: Felt) -> tuple[object, ...]:
    """As the generator takes a row apart that holds an enum and goes through a converter."""
    if row.id == 13:
        raise ValueError("thirteen")
    return (row.id, f"{row.mood.value} {row.id}", 0, None)


@pytest.mark.parametrize("hooked", [False, True])
@pytest.mark.parametrize("call", ["fetchmany", "executemany", "copy"])
async def test_a_value_that_is_not_of_its_type_is_told_with_its_row(
    connect, monkeypatch, call: str, hooked: bool
) -> None:
    monkeypatch.setattr(chunks, "ROWS", 10)
    hooks = Hooks()
    if hooked:
        hooks.before_create(Item)(lambda event: None)
    db = await connect(hooks=hooks)
    more = (COPY, TARGET) if call == "copy" else (INSERT_MANY,)
    good = [Felt(n, Mood.SAD) for n in range(12)]
    bad: Any = "sad"
    cases = [
        (Felt(12, bad), "argument mood is a str that doesn't fit Mood", "mood"),
        (Felt(13, Mood.SAD), "an argument can't be converted: that has raised ValueError", "rows"),
        ({"id": 12}, "it is a dict, without id", "rows"),
    ]
    for row, what, parameter in cases:
        with pytest.raises(InvalidArgument) as caught:
            await getattr(db.session, call)(*more, [*good, row, Felt(14, bad)], converted)
        assert str(caught.value) == f"{more[0].name}: {what} (row 12 of the list)"
        assert (caught.value.index, caught.value.parameter) == (12, parameter)
        assert isinstance(caught.value.__cause__, ValueError) == ("raised" in what)
    assert await db.items.list() == []
    assert await getattr(db.session, call)(*more, good, converted)
