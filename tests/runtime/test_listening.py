# ruff: noqa: ASYNC110 - the server is waited for
"""`db.listen` and `uow.advisory_lock`."""

import asyncio

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from interrupted import Interrupted
from items import Database

from salacia_db.runtime import ConnectionFailed, InvalidArgument, Notification, UsageError
from salacia_db.runtime.units.advisory import lock_key

OTHERS = "select count(*) from pg_stat_activity where query ilike 'listen%'"


async def heard(notifications, count: int) -> list[Notification]:
    async with asyncio.timeout(10):
        return [await anext(notifications) for _ in range(count)]


async def test_what_is_sent_is_heard_once_it_is_committed(db: Database) -> None:
    async with db.listen("jobs", 'odd "channel"; --') as notifications:
        async with db.unit_of_work() as uow:
            await uow.execute("select pg_notify('jobs', 'one')")
            await uow.execute("select pg_notify($1, $2)", 'odd "channel"; --', "it's two")
            await uow.execute("select pg_notify('others', 'three')")
        async with db.unit_of_work() as uow:
            await uow.execute("select pg_notify('jobs', 'undone')")
            await uow.rollback()
        await db.execute("select pg_notify('jobs', '')")
        found = await heard(notifications, 3)
    assert [(n.channel, n.payload) for n in found] == [
        ("jobs", "one"),
        ('odd "channel"; --', "it's two"),
        ("jobs", ""),
    ]
    assert all(n.pid > 0 and not n.missed for n in found)


async def test_it_takes_no_connection_of_the_pool_and_leaves_none(connect, bystander) -> None:
    db = await connect(pool_max=1)
    async with db.listen("jobs"), db.unit_of_work() as uow:
        assert await uow.items.list() == []
        assert await bystander.fetchval(OTHERS) == 1
    await _until_nobody_listens(bystander)


async def _until_nobody_listens(bystander: asyncpg.Connection) -> None:
    async with asyncio.timeout(10):
        while await bystander.fetchval(OTHERS):
            await asyncio.sleep(0.01)


async def test_a_lost_connection_is_told_and_replaced(
    db: Database, bystander: asyncpg.Connection
) -> None:
    ended = "select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%'"
    async with db.listen("jobs") as notifications:
        for _ in range(3):
            await bystander.fetch(ended)
            assert (await heard(notifications, 1))[0].missed
            await bystander.execute("notify jobs, 'again'")
            (found,) = await heard(notifications, 1)
            assert (found.payload, found.missed) == ("again", False)


async def test_one_that_cannot_reach_the_server_keeps_trying(connect, proxy, bystander) -> None:
    db = await connect(url=proxy.url)
    async with db.listen("jobs") as notifications:
        await proxy.__aexit__(None, None, None)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await anext(notifications)
    with pytest.raises(ConnectionFailed):
        async with db.listen("jobs"):
            pass


async def test_one_that_is_cancelled_anywhere_says_so_and_leaves_no_session(
    db: Database, bystander
) -> None:
    async def listen() -> None:
        async with db.listen("jobs", "more"):
            pass

    at = 0
    while True:
        work = Interrupted(listen(), {at})
        (error,) = await asyncio.gather(_awaited(work), return_exceptions=True)
        if work.suspensions <= at:
            break
        assert isinstance(error, asyncio.CancelledError)
        at += 1
    assert error is None
    assert at > 3
    await _until_nobody_listens(bystander)


async def _awaited(work: Interrupted) -> object:
    return await work


async def test_one_that_is_left_while_it_listens_anew_ends(connect, proxy, bystander) -> None:
    cut = await connect(url=proxy.url)
    asked = asyncio.Event()

    def swallow(data: bytes) -> str | None:
        if b"LISTEN" not in data:
            return None
        asked.set()
        return "hole"

    async with asyncio.timeout(10), cut.listen("jobs"):
        proxy.rule = swallow
        proxy.cut()
        await asked.wait()
    proxy.heal()
    await _until_nobody_listens(bystander)


async def test_what_nobody_reads_is_dropped_and_told(db: Database) -> None:
    async with db.listen("jobs", limit=3) as notifications:
        # In one transaction, so that the server sends them in one piece.
        await db.execute("select pg_notify('jobs', n::text) from generate_series(0, 9) n")
        found = await heard(notifications, 4)
        assert [n.payload for n in found[:3]] == ["0", "1", "2"]
        assert found[3].missed
        await db.execute("notify jobs, 'more'")
        assert (await heard(notifications, 1))[0].payload == "more"


@pytest.mark.parametrize("channels", [(), ("",), ("a\0b",), ("x" * 64,), ("é" * 32,)])
async def test_names_that_the_server_would_cut_are_refused(db: Database, channels) -> None:
    with pytest.raises(UsageError, match="channel"):
        db.listen(*channels)


async def test_misuse_is_named(db: Database, url: str) -> None:
    listener = db.listen("jobs")
    with pytest.raises(UsageError, match="is not open"):
        await anext(listener)
    async with listener:
        with pytest.raises(UsageError, match="only once"):
            await listener.__aenter__()
    with pytest.raises(UsageError, match="is not open"):
        await anext(listener)
    with pytest.raises(UsageError, match="at least one"):
        db.listen("jobs", limit=0)
    with pytest.raises(UsageError, match="session of its own"):
        Database(url, pooler="transaction").listen("jobs")


@pytest.mark.parametrize("key", [7, -(2**63), 2**63 - 1, "invoices", "", "ü" * 1000])
async def test_a_lock_is_held_until_the_transaction_ends(db: Database, key: int | str) -> None:
    async with db.unit_of_work() as one:
        assert await one.advisory_lock(key)
        assert await one.advisory_lock(key, wait=False)
        async with db.unit_of_work() as other:
            assert not await other.advisory_lock(key, wait=False)
            assert await other.advisory_lock("another", wait=False)
            waiting = asyncio.create_task(other.advisory_lock(key))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            await one.commit()
            assert await waiting


async def test_a_lock_of_a_nested_unit_goes_with_it(db: Database) -> None:
    async with db.unit_of_work() as uow, db.unit_of_work() as other:
        async with uow.savepoint() as inner:
            await inner.advisory_lock(1)
            await inner.rollback()
        await uow.items.list()
        assert await other.advisory_lock(1, wait=False)


@pytest.mark.parametrize("key", [2**63, -(2**63) - 1, True, 1.5, None, b"x"])
async def test_what_is_no_key_is_refused(db: Database, key) -> None:
    async with db.unit_of_work() as uow:
        with pytest.raises(InvalidArgument, match="`key` has to be"):
            await uow.advisory_lock(key)


@given(st.text(), st.text())
def test_texts_have_numbers_of_their_own(one: str, other: str) -> None:
    assert (lock_key(one) == lock_key(other)) == (one == other)
    assert -(2**63) <= lock_key(one) < 2**63
