# ruff: noqa: ASYNC110, PT012 - the server is waited for; a unit of work raises at the end of its block
"""Outcomes: what became of a transaction is known, or said to be unknown."""

import asyncio
import os
import signal
from contextlib import suppress

import asyncpg
import pytest
from cutting_proxy import CuttingProxy, once
from interrupted import Interrupted
from items import Database

from salacia_db.postgres import Server, start_scratch
from salacia_db.runtime import (
    CommitOutcomeUnknown,
    ConnectionLost,
    DatabaseError,
    DeadlineExceeded,
    StatementCancelled,
    TransactionRolledBack,
    WriteDeadlineExceeded,
    retry_safe,
)


async def ids(db: Database) -> list[int]:
    return [item.id for item in await db.items.list()]


async def test_a_commit_that_never_arrived_is_known_not_to_be(connect, proxy, db) -> None:
    told: list[str] = []
    cut = await connect(url=proxy.url)
    with pytest.raises(ConnectionLost, match="not carried out") as caught:
        async with cut.unit_of_work() as uow:
            uow.after_commit(told.append, "committed")
            uow.after_rollback(told.append, "rolled back")
            await uow.items.insert(1)
            proxy.rule = once(b"COMMIT", "before")
    assert retry_safe(caught.value)
    assert told == ["rolled back"]
    assert await ids(db) == []


async def test_a_commit_whose_reply_was_lost_is_known_to_be(connect, proxy, db) -> None:
    told: list[str] = []
    cut = await connect(url=proxy.url)
    async with cut.unit_of_work() as uow:
        uow.after_commit(told.append, "committed")
        uow.after_rollback(told.append, "rolled back")
        await uow.items.insert(1)
        proxy.rule = once(b"COMMIT", "after")
    assert told == ["committed"]
    assert await ids(db) == [1]


async def test_a_cancelled_first_unit_leaves_the_next_its_known_outcome(connect, proxy, db) -> None:
    async def insert(cut: Database, at: int) -> None:
        async with cut.unit_of_work() as uow:
            await uow.items.insert(at)

    at = 0
    while True:
        # A new connection each time, which has to ask which server this is.
        cut = await connect(url=proxy.url, pool_min=0, pool_max=1)
        first = Interrupted(insert(cut, at), {at})
        await asyncio.gather(_awaited(first), return_exceptions=True)
        before = await ids(db)
        proxy.rule = once(b"COMMIT", "after")
        await insert(cut, -1 - at)
        proxy.heal()
        assert set(await ids(db)) == {*before, -1 - at}
        await cut.close()
        if first.suspensions <= at:
            break
        at += 1
    assert at > 3


async def _awaited(work: Interrupted) -> object:
    return await work


async def test_a_first_unit_that_the_server_cancels_leaves_the_next_its_known_outcome(
    connect, proxy, db, bystander
) -> None:
    cut = await connect(url=proxy.url, pool_max=1)
    asked = b"pg_catalog.pg_is_in_recovery()"
    slow = b"pg_sleep(60) is null".ljust(len(asked))
    proxy.rule = lambda data: data.replace(asked, slow) if asked in data else None

    async def unit(id: int) -> None:
        async with cut.unit_of_work() as uow:
            await uow.items.insert(id)

    first = asyncio.ensure_future(unit(1))
    cancel = (
        "select pg_cancel_backend(pid) from pg_stat_activity"
        " where wait_event = 'PgSleep' and datname = current_database()"
    )
    async with asyncio.timeout(20):
        while not await bystander.fetch(cancel):
            await asyncio.sleep(0.01)
    with pytest.raises(StatementCancelled):
        await first
    proxy.rule = once(b"COMMIT", "after")
    await unit(2)
    assert await ids(db) == [2]


@pytest.mark.parametrize("how", ["before", "after"])
async def test_writes_that_do_not_tell_their_number_are_looked_up_too(
    connect, proxy, db, how: str
) -> None:
    cut = await connect(url=proxy.url)
    await db.items.insert(1)
    try:
        async with cut.unit_of_work() as uow:
            await uow.execute("update item set amount = 7")
            proxy.rule = once(b"COMMIT", how)
    except ConnectionLost:
        assert how == "before"
    item = await db.items.get(id=1)
    assert item is not None
    assert item.amount == (7 if how == "after" else 0)


@pytest.mark.parametrize("how", ["before", "after"])
async def test_what_can_not_be_looked_up_is_unknown_until_it_can(
    connect, proxy: CuttingProxy, db, how: str
) -> None:
    told: list[str] = []
    cut = await connect(url=proxy.url, timeout=0.4)
    with pytest.raises(CommitOutcomeUnknown) as caught:
        async with cut.unit_of_work() as uow:
            uow.after_commit(told.append, "committed")
            uow.after_rollback(told.append, "rolled back")
            await uow.items.insert(1)
            cutting = once(b"COMMIT", how)

            def and_away(data: bytes) -> str | None:
                what = cutting(data)
                proxy.refusing |= what is not None
                return what

            proxy.rule = and_away
    error = caught.value
    assert not retry_safe(error)
    assert isinstance(error.xid, int)
    assert told == []
    assert await error.resolve(db) == ("committed" if how == "after" else "aborted")
    assert await ids(db) == ([1] if how == "after" else [])


async def test_an_unknown_outcome_is_resolved_only_in_the_same_life_of_the_server(db) -> None:
    async with db.unit_of_work() as uow:
        await uow.items.insert(1)
        xid = await uow.fetchval("select pg_current_xact_id()")
    connection = await db.open_connection()
    await connection.learn_incarnation()
    incarnation = connection.incarnation
    connection.raw.terminate()
    assert incarnation is not None
    timeline, started, crashed = incarnation.split("/")

    async def resolve(xid: int, incarnation: str | None) -> str:
        return await CommitOutcomeUnknown("", xid=xid, incarnation=incarnation).resolve(
            db, timeout=0.2
        )

    assert await resolve(xid, incarnation) == "committed"
    assert await resolve(xid, f"{timeline[:-1]}9/{started}/{crashed}") == "unknown"
    assert await resolve(xid, f"{timeline}/1.5/{crashed}") == "unknown"
    assert await resolve(xid, f"{timeline}/{started}/1.5") == "unknown"
    assert await resolve(xid + 1000, incarnation) == "unknown"
    assert await resolve(xid, None) == "unknown"


async def test_a_crash_that_gives_the_number_to_another_deceives_nobody(tmp_path) -> None:
    """The number of what a crash lost is taken again, by a transaction that commits."""
    from items import SCHEMA

    with start_scratch({"synchronous_commit": "off", "wal_writer_delay": "10s"}) as server:
        async with Database(server.url(), pool_max=2) as db:
            await db.execute(SCHEMA)
            await db.execute("checkpoint")
            # The log's writer would save what is to be lost; its death is the crash.
            writer = await db.fetchval(
                "select pid from pg_stat_activity where backend_type = 'walwriter'"
            )
            os.kill(writer, signal.SIGSTOP)
            async with db.unit_of_work() as uow:
                await uow.items.insert(1)
                xid = await uow.fetchval("select pg_current_xact_id()")
            connection = await db.open_connection()
            await connection.learn_incarnation()
            lost = CommitOutcomeUnknown("", xid=xid, incarnation=connection.incarnation)
            connection.raw.terminate()
            assert await lost.resolve(db) == "committed"
            sessions = [connection.raw for connection in db.pool.connections]
            os.kill(writer, signal.SIGKILL)
            async with asyncio.timeout(20):
                while not all(session.is_closed() for session in sessions):
                    await asyncio.sleep(0.01)
            await back(server)
            assert await ids(db) == []
            for number in range(2, 60):
                await db.items.insert(number)
            row = await db.fetchrow("select pg_xact_status($1::text::xid8)", str(xid))
            assert row is not None
            assert row[0] == "committed"
            assert await lost.resolve(db) == "unknown"


async def back(server: Server) -> None:
    for _ in range(200):
        try:
            connection = await asyncpg.connect(server.url())
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.05)
        else:
            await connection.close()
            return
    raise AssertionError("the server didn't come back")


async def test_a_lone_write_whose_reply_is_lost_is_unknown(connect, proxy, db) -> None:
    cut = await connect(url=proxy.url)
    await cut.items.add(1)
    for how, number in (("before", 2), ("after", 3)):
        proxy.rule = once(b"item x", how)
        with pytest.raises(CommitOutcomeUnknown, match=r"items\.add: .* may have been") as caught:
            await cut.items.add(number, "item x")
        assert not retry_safe(caught.value)
        assert await caught.value.resolve(db) == "unknown"
    assert await ids(db) == [1, 3]
    await cut.items.list()
    proxy.rule = once(b"\x00", "before")
    with pytest.raises(ConnectionLost) as lost:
        await cut.items.list()
    assert retry_safe(lost.value)


async def test_a_read_only_unit_that_loses_its_commit_may_be_repeated(connect, proxy) -> None:
    cut = await connect(url=proxy.url)
    with pytest.raises(ConnectionLost) as caught:
        async with cut.unit_of_work() as uow:
            await uow.items.list()
            proxy.rule = once(b"COMMIT", "after")
    assert retry_safe(caught.value)


async def test_a_connection_lost_inside_is_known_not_to_have_committed(connect, proxy, db) -> None:
    cut = await connect(url=proxy.url)
    with pytest.raises(ConnectionLost) as caught:
        async with cut.unit_of_work() as uow:
            await uow.items.insert(1)
            proxy.rule = lambda data: "before"
            await uow.items.insert(2)
    assert retry_safe(caught.value)
    proxy.rule = lambda data: None
    assert await ids(db) == []


async def test_a_black_hole_at_commit_is_left_by_the_deadline(connect, proxy, db) -> None:
    cut = await connect(url=proxy.url, timeout=0.3)
    async with asyncio.timeout(20):  # else it would hang
        with pytest.raises((CommitOutcomeUnknown, ConnectionLost)):
            async with cut.unit_of_work() as uow:
                await uow.items.insert(1)
                proxy.rule = once(b"COMMIT", "hole")


async def test_deadlines_say_whether_a_write_may_have_happened(db: Database) -> None:
    with pytest.raises(DeadlineExceeded) as caught:
        await db.items.sleep_shortly(s=5)
    assert not isinstance(caught.value, CommitOutcomeUnknown)
    assert caught.value.statement == "items.sleep_shortly"
    with pytest.raises(WriteDeadlineExceeded) as unknown:
        await db.execute("select pg_sleep(5)", timeout=0.1)
    assert isinstance(unknown.value, DeadlineExceeded)
    assert isinstance(unknown.value, CommitOutcomeUnknown)
    assert not retry_safe(unknown.value)
    with pytest.raises(DeadlineExceeded) as caught:
        async with db.unit_of_work() as uow:
            await uow.items.insert(1)
            await uow.execute("select pg_sleep(5)", timeout=0.1)
    assert not isinstance(caught.value, CommitOutcomeUnknown)
    assert await ids(db) == []


async def test_each_of_many_has_its_deadline(db: Database) -> None:
    # How late they are is what the fault bench measures.
    for _ in range(2):
        calls = [asyncio.ensure_future(db.items.sleep_shortly(s=60)) for _ in range(5)]
        done, _ = await asyncio.wait(calls, timeout=20)
        assert len(done) == 5
        assert all(isinstance(call.exception(), DeadlineExceeded) for call in done)


async def test_a_deadline_does_not_hit_an_idle_unit(connect) -> None:
    db = await connect(timeout=0.15)
    async with db.unit_of_work() as uow:
        await uow.items.insert(1)
        await asyncio.sleep(0.4)
        await uow.items.insert(2)
    assert await ids(db) == [1, 2]


@pytest.fixture
async def slow_commit(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(
        "create function slow() returns trigger language plpgsql as "
        "$$ begin perform pg_sleep(0.2); return null; end $$;"
        "create constraint trigger slow after insert on item deferrable initially deferred "
        "for each row execute function slow()"
    )
    await connection.close()


@pytest.mark.usefixtures("slow_commit")
@pytest.mark.parametrize("times", [1, 5])
async def test_a_cancelled_commit_is_carried_out_and_its_hooks_run(db, times: int) -> None:
    told: list[str] = []

    async def later() -> None:
        await asyncio.sleep(0.01)
        told.append("told")

    async def work() -> None:
        async with db.unit_of_work() as uow:
            uow.after_commit(told.append, "at once")
            uow.after_commit(later)
            await uow.items.insert(1)
            inside.set()

    inside = asyncio.Event()
    task = asyncio.ensure_future(work())
    await inside.wait()
    for _ in range(times):
        await asyncio.sleep(0.02)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await ids(db) == [1]
    await asyncio.sleep(0.05)
    assert told == ["at once", "told"]


async def test_a_unit_cancelled_before_commit_is_rolled_back(db, bystander) -> None:
    told: list[str] = []

    async def work() -> None:
        async with db.unit_of_work() as uow:
            uow.after_commit(told.append, "committed")
            uow.after_rollback(told.append, "rolled back")
            await uow.items.insert(1)
            await uow.items.sleep(s=30)

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == ["rolled back"]
    await db.items.insert(1)
    assert await bystander.fetchval("select count(*) from item") == 1


async def test_a_swallowed_cancellation_rolls_back(db: Database) -> None:
    with pytest.raises(TransactionRolledBack, match="cancelled"):
        async with db.unit_of_work() as uow:
            await uow.items.insert(1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await uow.items.sleep(s=30)
    assert await ids(db) == []


async def test_a_cancelled_nested_unit_leaves_the_outer_one_usable(db: Database) -> None:
    async with db.unit_of_work() as uow:
        await uow.items.insert(1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), uow.unit_of_work() as inner:
                await inner.items.insert(2)
                await inner.items.sleep(s=30)
        await uow.items.insert(3)
    assert await ids(db) == [1, 3]


# --- replies that make no sense, connections that end unseen --------------------------------------


@pytest.mark.parametrize("nonsense", [b"?????", b"C\0\0\0\x0bGARBL\0Z\0\0\0\x05I", b"\0" * 40])
@pytest.mark.parametrize("reaches", [True, False])
async def test_a_reply_that_makes_no_sense_is_looked_up(
    connect, proxy: CuttingProxy, db, nonsense: bytes, reaches: bool
) -> None:
    told: list[str] = []
    cut = await connect(url=proxy.url, timeout=1.0)
    outcome = "committed"
    try:
        async with cut.unit_of_work() as uow:
            uow.after_commit(told.append, "committed")
            uow.after_rollback(told.append, "failed")
            await uow.items.insert(1)
            if not reaches:
                # Something else than COMMIT: the server has the transaction open still.
                proxy.rule = once(b"COMMIT", b"Q\0\0\0\x0bSELECT\0")
            proxy.reply = once(b"Z", nonsense)
    except ConnectionLost:
        outcome = "failed"
    except CommitOutcomeUnknown as unknown:
        # The driver waits for sense until the deadline, and a busy machine is late to look then.
        assert told == []
        outcome = "committed" if await unknown.resolve(db) == "committed" else "failed"
        told.append(outcome)
    assert outcome == ("committed" if reaches else "failed")
    assert told == [outcome]
    assert await ids(db) == ([1] if reaches else [])
    assert await ids(cut) == await ids(db)


async def test_a_connection_that_ended_before_commit_has_committed_nothing(db, bystander) -> None:
    told: list[str] = []
    with pytest.raises(ConnectionLost, match="closed before COMMIT; nothing was kept") as caught:
        async with db.unit_of_work() as uow:
            uow.after_rollback(told.append, "rolled back")
            await uow.items.insert(1)
            pid = await uow.fetchval("select pg_backend_pid()")
            await bystander.execute("select pg_terminate_backend($1)", pid)
            await asyncio.sleep(0.1)
    assert retry_safe(caught.value)
    assert told == ["rolled back"]
    assert await ids(db) == []


async def test_whether_a_swallowed_error_was_safe_to_repeat_is_told(db: Database) -> None:
    await db.items.insert(1)
    for isolation, safe in (("repeatable read", True), ("read committed", False)):
        with pytest.raises(TransactionRolledBack) as caught:
            async with db.unit_of_work(isolation=isolation) as uow:
                await uow.items.list()
                await db.items.rename(1, isolation)
                with suppress(DatabaseError):
                    await uow.items.rename(1, "mine")
                    await uow.items.divide(by=0)
        assert retry_safe(caught.value) is safe
