"""The pool after faults: connections that are gone, black holes, servers away or demoted."""

import asyncio
import io
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import asyncpg
import pytest
from cutting_proxy import CuttingProxy, Rule, once
from items import Database, Item
from slots import all_slots

from salacia_db.runtime import (
    CommitOutcomeUnknown,
    ConnectionFailed,
    ConnectionLost,
    PoolTimeout,
    ReadOnlyTransaction,
    Statement,
    Stream,
)

ROW = (1, "first", 0, None)
ALL = Statement("items.all", "select id, name from item", read_only=True)
_FIELDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0"
LAST_WORDS = b"E" + (len(_FIELDS) + 4).to_bytes(4, "big") + _FIELDS
CALLS: dict[str, Callable[[Any], Coroutine[Any, Any, object]]] = {
    "fetch": lambda items: items.list(),
    "write": lambda items: items.insert(*ROW),
    "bulk": lambda items: items.unnest_many([ROW]),
    "many": lambda items: items.add_many([ROW]),
    "copy": lambda items: items.copy([ROW]),
    "copy out": lambda items: items._session.copy_out(ALL, (), io.BytesIO()),
    "stream": lambda items: _read(items.stream()),
}


async def until(true: Callable[[], bool]) -> None:
    """Waits for it, though not for ever."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


def stop(pids: set[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def go_on(pids: set[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


async def _read(stream: Stream[Item]) -> None:
    async with stream:
        async for _ in stream:
            pass


def last_words_after(replies: int) -> Rule:
    """The rule that adds to one reply that the session ends; its end itself is late."""
    left = replies

    def rule(data: bytes) -> bytes | None:
        nonlocal left
        left -= 1
        return data + LAST_WORDS if left == 0 else None

    return rule


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a unit"])
async def test_a_session_whose_last_words_come_before_its_end_is_lost(
    connect, proxy: CuttingProxy, bystander, call: str, inside: bool
) -> None:
    db = await connect(url=proxy.url, pool_max=1)
    for replies in range(1, 7):
        await db.items.list()
        try:
            if inside:
                async with db.unit_of_work() as uow:
                    await uow.items.list()
                    proxy.reply = last_words_after(replies)
                    await uow.items.list()
                    await CALLS[call](uow.items)
            else:
                proxy.reply = last_words_after(replies)
                await CALLS[call](db.items)
        except (ConnectionLost, CommitOutcomeUnknown) as error:
            committed = (
                isinstance(error, CommitOutcomeUnknown) and await error.resolve(db) == "committed"
            )
        else:
            committed = call not in ("fetch", "copy out", "stream")
        proxy.heal()
        assert await bystander.fetchval("select count(*) from item") == committed
        await bystander.execute("truncate item cascade")
        with suppress(ConnectionLost):
            # Where the last words came after its last reply, who comes next finds out.
            await db.items.list()
        assert len(await all_slots(db)) == 1


async def test_many_callers_hammer_no_server_that_is_away_and_find_it_again(
    connect, proxy: CuttingProxy, caplog
) -> None:
    db = await connect(url=proxy.url, pool_max=10, pool_acquire=20)
    caplog.set_level(logging.INFO, "salacia_db.pool")
    proxy.refusing = True
    for connection in list(db.pool.connections):
        connection.raw.terminate()
    await asyncio.sleep(0)
    calls = [asyncio.ensure_future(db.items.list()) for _ in range(200)]
    await asyncio.sleep(1)
    assert not any(call.done() for call in calls)
    # The first ten at once, then one by one: 0.05 s, 0.1 s, 0.2 s and so on, less a jitter.
    assert 11 <= db.stats().pool.failed <= 10 + 8
    assert db.stats().pool.open == 0
    proxy.refusing = False
    assert await asyncio.gather(*calls) == [[]] * 200
    assert len(await all_slots(db)) == 10
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert told[0].startswith("can't connect to ")
    assert told[1] == "the server can be reached again"


async def test_who_waits_for_a_server_in_vain_is_told_why(connect, proxy: CuttingProxy) -> None:
    db = await connect(url=proxy.url, pool_max=2, pool_acquire=1)
    proxy.refusing = True
    for connection in list(db.pool.connections):
        connection.raw.terminate()
    await asyncio.sleep(0)
    found = await asyncio.gather(*(db.items.list() for _ in range(5)), return_exceptions=True)
    assert all(isinstance(error, ConnectionFailed) for error in found)
    assert "tried for 1 s" in str(found[0])
    # Each has an error of its own, to which it may add notes.
    assert len({id(error) for error in found}) == 5


async def test_what_can_not_heal_fails_at_once(
    connect, databases, template: str, proxy: CuttingProxy, url: str
) -> None:
    db = await connect(url=proxy.url, pool_max=3, pool_acquire=30)
    name = await db.fetchval("select current_database()")
    admin = await asyncpg.connect(template)
    try:
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name
        )
        await until(lambda: not db.pool.connections)
        await asyncio.sleep(0.2)  # the server takes a moment to notice
        await admin.execute(f'alter database "{name}" rename to "{name}_gone"')
        await asyncio.sleep(0.05)
        for _ in range(3):
            found = await asyncio.gather(
                *(asyncio.wait_for(db.items.list(), 10) for _ in range(20)), return_exceptions=True
            )
            assert all(isinstance(error, ConnectionFailed) for error in found), found
            assert not any(error.retry_safe for error in found)
        assert db.stats().pool.failed <= 3 * 3
        await admin.execute(f'alter database "{name}_gone" rename to "{name}"')
        await asyncio.sleep(1.1)  # the longest pause between two attempts
        assert await db.items.list() == []
    finally:
        await admin.close()


async def test_a_black_hole_costs_a_deadline_and_no_slot(connect, proxy: CuttingProxy) -> None:
    db = await connect(url=proxy.url, pool_max=2, timeout=0.3)
    before = await all_slots(db)
    await asyncio.gather(*(db.items.list() for _ in range(2)))
    proxy.rule = once(b"", "hole")
    with pytest.raises(TimeoutError, match=r"items\.list: no answer"):
        await db.items.list()
    after = await all_slots(db)
    assert len(after) == 2
    assert len(before & after) == 1
    assert db.stats().pool.broken == 1


async def test_a_unit_in_a_black_hole_frees_its_slot(connect, proxy: CuttingProxy) -> None:
    db = await connect(url=proxy.url, pool_max=1, timeout=0.3)

    async def work() -> None:
        async with db.unit_of_work() as uow:
            await uow.items.list()
            proxy.rule = once(b"", "hole")
            await uow.items.list()

    with pytest.raises(TimeoutError):
        await work()
    assert await db.items.list() == []


async def test_a_reset_that_gets_no_answer_holds_the_caller_up_no_longer_than_its_deadline(
    connect, proxy: CuttingProxy
) -> None:
    db = await connect(url=proxy.url, pool_max=1, timeout=0.3)
    proxy.rule = once(b"DISCARD TEMP", "hole")
    # A reset by itself may take 2 s.
    async with asyncio.timeout(1.8):
        assert await db.fetchval("select 1") == 1
    assert await db.fetchval("select 2") == 2
    assert db.stats().pool.broken == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP there")
async def test_a_stream_on_a_frozen_server_ends_at_its_deadline(connect) -> None:
    db = await connect(pool_max=1, timeout=0.3)
    await db.execute("insert into item select n, 'i' || n from generate_series(1, 1200) n")
    frozen = {connection.raw.get_server_pid() for connection in db.pool.connections}
    try:
        chunks = db.items.stream().chunks()
        assert len(await anext(chunks)) == 500
        stop(frozen)
        with pytest.raises(TimeoutError, match=r"items\.list: no answer"):
            await anext(chunks)
        assert await db.fetchval("select count(*) from item") == 1200
    finally:
        go_on(frozen)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP there")
async def test_frozen_backends_on_all_slots_are_replaced(connect) -> None:
    db = await connect(pool_max=4, timeout=0.3)
    frozen = await all_slots(db)
    stop(frozen)
    try:
        found = await asyncio.gather(*(db.items.list() for _ in range(4)), return_exceptions=True)
        assert all(isinstance(error, TimeoutError) for error in found)
        after = await all_slots(db)
        assert len(after) == 4
        assert not after & frozen
    finally:
        go_on(frozen)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP there")
async def test_an_idle_connection_that_died_silently_is_found_by_a_check(connect) -> None:
    db = await connect(pool_max=2, pool_min=2, pool_check=0.2)
    frozen = await all_slots(db)
    stop(frozen)
    try:
        await until(lambda: db.stats().pool.broken == 2 and db.stats().pool.idle == 2)
        assert not await all_slots(db) & frozen
        assert await db.items.list() == []
    finally:
        go_on(frozen)


async def test_a_check_keeps_what_lives_and_leaves_no_trace(connect) -> None:
    db = await connect(pool_max=2, pool_min=2, pool_check=0.1)
    before = await all_slots(db)
    await asyncio.sleep(0.6)
    assert await all_slots(db) == before
    assert db.stats().pool.broken == 0
    assert db.stats().pool.opened == 2


async def read_only(db: Database, pids: set[int]) -> None:
    """Makes these sessions refuse to write, as those of a server that has been demoted."""
    for connection in db.pool.connections:
        if connection.raw.get_server_pid() in pids:
            await connection.raw.execute("set default_transaction_read_only = on")


async def test_sessions_of_a_demoted_server_are_dropped(connect) -> None:
    db = await connect(pool_max=3)
    before = await all_slots(db)
    await read_only(db, before)
    with pytest.raises(ReadOnlyTransaction):
        await db.items.add(1)
    await until(lambda: db.stats().pool.closed == 3)
    assert await db.items.add(1) == 1
    assert not await all_slots(db) & before


async def test_a_unit_of_work_on_a_demoted_server_drops_its_session_in_the_end(connect) -> None:
    db = await connect(pool_max=2)
    before = await all_slots(db)
    last = await db.fetchval("select pg_backend_pid()")
    await read_only(db, {last})
    with pytest.raises(ReadOnlyTransaction):
        async with db.unit_of_work() as uow:
            await uow.items.add(1)
    async with db.unit_of_work() as uow:
        await uow.items.add(1)
    after = await all_slots(db)
    assert before - after == {last}


async def test_a_read_only_unit_is_no_reason_to_doubt_the_server(connect) -> None:
    db = await connect(pool_max=1)
    before = await all_slots(db)
    with pytest.raises(ReadOnlyTransaction):
        async with db.unit_of_work(read_only=True) as uow:
            await uow.items.add(1)
    assert await all_slots(db) == before


async def test_callers_wait_while_none_of_the_servers_can_write(
    connect, url: str, bystander: asyncpg.Connection
) -> None:
    wanted = f"{url}{'&' if '?' in url else '?'}target_session_attrs=read-write"
    db = await connect(url=wanted)
    database = await bystander.fetchval("select current_database()")
    await bystander.execute(f'alter database "{database}" set default_transaction_read_only = on')
    for connection in list(db.pool.connections):
        connection.raw.terminate()
    await asyncio.sleep(0)
    with pytest.raises(ConnectionFailed, match="none of its servers is what target_session_attrs"):
        await connect(url=wanted)
    call = asyncio.ensure_future(db.items.list())
    await until(lambda: db.stats().pool.failed > 0)
    await bystander.execute(f'alter database "{database}" reset default_transaction_read_only')
    assert await call == []


async def test_nobody_overtakes_those_who_wait(connect) -> None:
    db = await connect(pool_max=1)
    served: list[str] = []

    async def wait(name: str) -> None:
        await db.items.list()
        served.append(name)

    async with db.unit_of_work() as uow:
        await uow.items.list()
        waiting = [asyncio.ensure_future(wait(f"waiter {n}")) for n in range(3)]
        await asyncio.sleep(0)
    # The connection is back, and the first waiter has it, though it hasn't run yet.
    assert db.pool.take() is None
    await wait("late comer")
    await asyncio.gather(*waiting)
    assert served == ["waiter 0", "waiter 1", "waiter 2", "late comer"]


async def test_who_gave_up_waiting_is_forgotten(connect) -> None:
    db = await connect(pool_max=1, pool_acquire=1)

    async def wait() -> None:
        with pytest.raises(PoolTimeout):
            await db.items.list()

    async with db.unit_of_work() as uow:
        await uow.items.list()
        await asyncio.gather(*(asyncio.ensure_future(wait()) for _ in range(50)))
        assert db.stats().pool.waiting == 0
    assert db.stats().pool.timeouts == 50
    assert await db.items.list() == []
