"""The pool: lending, waiting, resetting, closing, and misuse."""

import asyncio
import os
import signal
import sys
from contextlib import suppress

import asyncpg
import pytest
from cutting_proxy import CuttingProxy
from items import Database, Item

from salacia_db.runtime import (
    ConnectionFailed,
    ConnectionLost,
    DatabaseError,
    PoolTimeout,
    UsageError,
    WrongEventLoop,
    WrongProcess,
)


async def sessions(bystander: asyncpg.Connection) -> int:
    found: int = await bystander.fetchval(
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and application_name = 'salacia_db'"
    )
    return found


async def test_the_connection_used_last_is_lent_first(connect, bystander) -> None:
    db = await connect(pool_max=5)
    pids = {await db.fetchval("select pg_backend_pid()") for _ in range(10)}
    assert len(pids) == 1
    assert await sessions(bystander) == 1
    await asyncio.gather(*(db.items.sleep(s=0.1) for _ in range(20)))
    assert await sessions(bystander) == 5


async def test_who_waits_longest_is_served_first(connect) -> None:
    db = await connect(pool_max=1)
    served: list[int] = []

    async def use(number: int) -> None:
        await db.items.sleep(s=0.01)
        served.append(number)

    tasks = [asyncio.ensure_future(use(n)) for n in range(6)]
    await asyncio.sleep(0)
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert served == [0, 1, 3, 4, 5]


async def test_an_exhausted_pool_names_who_holds_it(connect) -> None:
    db = await connect(pool_min=2, pool_max=2, pool_acquire=1)
    async with db.unit_of_work() as uow:
        await uow.items.list()
        other = asyncio.ensure_future(db.items.sleep(s=60))
        await asyncio.sleep(0)
        with pytest.raises(PoolTimeout) as caught:
            await db.items.list()
        message = str(caught.value)
        assert "within 1 s" in message
        assert "of at most 2" in message
        assert "items.sleep for " in message
        assert "test_pool.py:" in message
        assert "(last: items.list)" in message
        assert caught.value.retry_safe
        other.cancel()


async def test_what_a_borrower_leaves_behind_is_gone(connect, url: str, bystander) -> None:
    db = await connect(pool_max=1)
    await db.execute(
        "do $$ begin create role salacia_role; exception when others then null; end $$"
    )
    pid = await db.fetchval("select pg_backend_pid()")
    for dirt in (
        "set role salacia_role",
        "set session authorization salacia_role",
        "set search_path to pg_catalog",
        "create temp table left_behind (id int)",
        "select pg_advisory_lock(42)",
        "listen something",
        "declare c cursor with hold for select 1",
        "begin; insert into item values (1, 'x')",
        "set transaction isolation level serializable; set application_name = 'salacia_db'",
    ):
        with suppress(Exception):
            await db.execute(dirt)
        row = await db.fetchrow(
            "select current_user = session_user and session_user = 'postgres', "
            "current_setting('search_path'), to_regclass('pg_temp.left_behind'), "
            "(select count(*) from pg_locks where locktype = 'advisory' "
            " and pid = pg_backend_pid()), "
            "(select count(*) from pg_listening_channels()), "
            "(select count(*) from pg_cursors where is_holdable), "
            "(select count(*) from item), pg_backend_pid()"
        )
        assert row is not None
        assert tuple(row) == (True, '"$user", public', None, 0, 0, 0, 0, pid), dirt


async def test_prepared_statements_survive_the_reset(connect) -> None:
    db = await connect(pool_max=1)
    await db.items.list()
    await db.execute("set role postgres")
    await db.items.list()
    held = "select count(*) from pg_prepared_statements where statement like '-- items.list%'"
    assert await db.fetchval(held) == 1


async def test_clean_statements_cost_no_reset(connect, proxy: CuttingProxy) -> None:
    db = await connect(url=proxy.url, pool_max=1)
    # The first on the connection also asks which server this is.
    async with db.unit_of_work() as uow:
        await uow.items.list()
    sent: list[bytes] = []
    proxy.rule = lambda data: sent.append(data)
    await db.items.list()
    assert len(sent) == 1
    async with db.unit_of_work() as uow:
        await uow.items.list()
    assert len(sent) == 4
    assert not any(b"RESET" in data for data in sent)
    await db.execute("select 1")
    assert any(b"DISCARD TEMP" in data for data in sent)
    assert not any(b"DISCARD ALL" in data for data in sent)


async def test_listeners_of_a_borrower_hear_no_more(connect, bystander) -> None:
    db = await connect(pool_max=1)
    heard: list[object] = []
    for _ in range(2):
        async with db.unit_of_work() as uow:
            connection = await uow.connection()
            await connection.add_listener("news", lambda *said: heard.append(said[-1]))
        await bystander.execute("notify news, 'late'")
    await db.items.list()
    assert heard == []


async def test_idle_connections_are_closed_down_to_the_minimum(connect, bystander) -> None:
    db = await connect(pool_max=4, pool_min=1, pool_idle=0.1)
    await asyncio.gather(*(db.items.sleep(s=0.05) for _ in range(4)))
    assert await sessions(bystander) == 4
    await asyncio.sleep(0.4)
    assert await sessions(bystander) == 1
    assert await db.items.list() == []


async def test_old_connections_are_replaced(connect) -> None:
    db = await connect(pool_max=1, pool_lifetime=0.1)
    first = await db.fetchval("select pg_backend_pid()")
    await asyncio.sleep(0.2)
    assert await db.fetchval("select pg_backend_pid()") == first  # too old, and now put back
    assert await db.fetchval("select pg_backend_pid()") != first


async def test_a_connection_that_the_server_ends_is_replaced(connect, bystander) -> None:
    db = await connect(pool_max=2)
    await asyncio.gather(db.items.sleep(s=0.05), db.items.sleep(s=0.05))
    await bystander.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() "
        "and datname = current_database()"
    )
    await asyncio.sleep(0.05)
    await asyncio.gather(*(db.items.list() for _ in range(5)))
    with pytest.raises(ConnectionLost, match=r"items\.sleep: ") as caught:
        await asyncio.gather(
            db.items.sleep(s=5),
            asyncio.create_task(end_sleepers(bystander)),
        )
    assert caught.value.retry_safe
    assert await db.items.list() == []


async def end_sleepers(bystander: asyncpg.Connection) -> None:
    await asyncio.sleep(0.05)
    await bystander.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like '-- items.sleep%'"
    )


async def test_a_cancelled_caller_costs_no_connection(connect, bystander) -> None:
    db = await connect(pool_max=1)
    pid = await db.fetchval("select pg_backend_pid()")
    task = asyncio.ensure_future(db.items.sleep(s=300))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(60):
        assert await db.items.list() == []
    assert await sessions(bystander) == 1
    with pytest.raises(DatabaseError):
        await db.execute("begin; select 1/0")
    assert await db.fetchval("select pg_backend_pid()") == pid


async def test_a_storm_of_cancels_leaves_a_whole_pool(connect, bystander) -> None:
    db = await connect(pool_max=5, pool_acquire=20)

    async def work(number: int) -> Item | None:
        if number % 2:
            return await db.items.get(id=number)
        async with db.unit_of_work() as uow:
            await uow.items.add(number)
            return await uow.items.get(id=number)

    done = cancelled = 0
    for batch in range(20):
        tasks = [asyncio.ensure_future(work(batch * 100 + n)) for n in range(100)]
        for turn, task in enumerate(tasks):
            if turn % 3:
                asyncio.get_running_loop().call_later(turn / 20_000, task.cancel)
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, asyncio.CancelledError):
                cancelled += 1
            else:
                assert result is None or isinstance(result, Item), result
                done += 1
    assert done + cancelled == 2000
    assert cancelled > 100
    async with asyncio.timeout(60):
        await asyncio.gather(*(db.items.sleep(s=0.1) for _ in range(5)))
    assert await sessions(bystander) <= 5
    stuck = "select count(*) from pg_stat_activity where state like 'idle in transaction%'"
    assert await bystander.fetchval(stuck) == 0


async def test_a_begin_cancelled_on_its_way_leaves_no_transaction_behind(
    connect, bystander
) -> None:
    db = await connect(pool_max=1)
    stuck = "select count(*) from pg_stat_activity where state like 'idle in transaction%'"

    async def work() -> None:
        async with db.unit_of_work() as uow:
            await uow.items.list()

    await work()
    for turn in range(200):
        task = asyncio.ensure_future(work())
        for _ in range(turn % 8):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        # Whoever comes next is in no transaction of somebody else's: what it writes stays.
        await db.items.add(turn)
        assert await bystander.fetchval(stuck) == 0, turn
        assert await bystander.fetchval("select count(*) from item") == turn + 1


async def test_a_server_away_is_an_error_and_found_again(connect, proxy: CuttingProxy) -> None:
    db = await connect(url=proxy.url, pool_max=2, pool_acquire=1)
    proxy.refusing = True
    proxy.rule = lambda data: "before"
    with pytest.raises(ConnectionLost):
        await db.items.list()
    for _ in range(3):
        with pytest.raises(ConnectionFailed):
            await asyncio.gather(*(db.items.list() for _ in range(4)))
    proxy.refusing = False
    proxy.rule = lambda data: None
    assert await db.items.list() == []


async def test_who_can_not_connect_is_told_why_without_the_password(url: str) -> None:
    for wrong, why in (
        (url.partition("?")[0].rpartition("/")[0] + "/no_such?" + url.partition("?")[2], "no_such"),
        ("postgresql://u:s3cret@127.0.0.1:1/x", "refused|Connect call failed"),
    ):
        with pytest.raises(ConnectionFailed, match=why) as caught:
            async with Database(wrong):
                pass
        assert "s3cret" not in repr(caught.value)
        assert caught.value.__cause__ is None
    with pytest.raises(ConnectionFailed) as caught:
        await Database(
            url.partition("?")[0].rpartition("/")[0] + "/no_such?" + url.partition("?")[2]
        ).open()
    assert not caught.value.retry_safe


async def test_close_waits_for_what_is_in_use(url: str, bystander) -> None:
    db = await Database(url, close_timeout=5).open()
    running = asyncio.ensure_future(db.items.sleep(s=0.2))
    await asyncio.sleep(0.02)
    await db.close()
    assert running.done()
    assert await sessions(bystander) == 0
    with pytest.raises(UsageError, match="closed"):
        await db.items.list()
    await db.open()
    assert await db.items.list() == []
    await db.close()


async def test_close_ends_what_takes_too_long(url: str, bystander) -> None:
    db = await Database(url, close_timeout=0.1, pool_max=1).open()
    running = asyncio.ensure_future(db.items.sleep(s=300))
    waiting = asyncio.ensure_future(db.items.list())
    await asyncio.sleep(0.02)
    async with asyncio.timeout(60):
        await db.close()
    with pytest.raises(UsageError, match="closed"):
        await waiting
    with pytest.raises(Exception, match=r"items\.sleep"):
        await running


async def test_a_close_that_is_cancelled_ends_all_the_same(url: str) -> None:
    db = await Database(url, close_timeout=30).open()
    running = asyncio.ensure_future(db.items.sleep(s=30))
    await asyncio.sleep(0.05)
    closing = asyncio.ensure_future(db.close())
    await asyncio.sleep(0.05)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    with pytest.raises(Exception, match=r"items\.sleep"):
        await running
    assert db.stats().pool.open == 0
    with pytest.raises(UsageError, match="closed"):
        await db.items.list()


async def test_a_closed_database_opens_no_more_connections(url: str, bystander) -> None:
    db = await Database(url, pool_min=1, pool_idle=0.2).open()
    await db.items.list()
    await db.close()
    await asyncio.sleep(0.1)  # the server takes a moment to notice
    # Maintenance ran every 0.05 s, and kept the minimum open.
    for _ in range(20):
        await asyncio.sleep(0.02)
        assert await sessions(bystander) == 0


async def test_a_database_must_be_open(url: str) -> None:
    db = Database(url)
    with pytest.raises(UsageError, match="not open"):
        await db.items.list()
    await db.close()
    async with db:
        with pytest.raises(UsageError, match="open already"):
            await db.open()


async def test_another_event_loop_is_told_so(db: Database) -> None:
    async def elsewhere() -> None:
        await db.items.list()

    with pytest.raises(WrongEventLoop):
        await asyncio.to_thread(lambda: asyncio.run(elsewhere()))
    assert await db.items.list() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
async def test_a_forked_child_is_told_so_and_harms_nobody(connect) -> None:
    db = await connect(pool_max=1)
    await db.items.list()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:

        async def inherited() -> None:
            await db.items.list()

        try:
            asyncio.set_event_loop_policy(None)
            asyncio.events._set_running_loop(None)
            asyncio.new_event_loop().run_until_complete(inherited())
        except BaseException as error:
            os.write(write, type(error).__name__.encode())
        for connection in list(db.pool.connections):
            connection.raw.terminate()
        os.close(write)
        os._exit(0)
    os.close(write)
    assert os.read(read, 1000).decode() == WrongProcess.__name__
    os.close(read)
    os.waitpid(child, 0)  # noqa: ASYNC222 - it has ended already
    assert await db.items.list() == []


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP there")
async def test_a_frozen_server_costs_neither_deadline_nor_pool(connect) -> None:
    db = await connect(pool_max=2, timeout=0.3)
    both = (db.fetchval("select pg_backend_pid() from pg_sleep(0.05)") for _ in range(2))
    pids = await asyncio.gather(*both)
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        async with asyncio.timeout(20):  # else it would hang
            with pytest.raises(TimeoutError, match=r"items\.list: no answer within its deadline"):
                await db.items.list()
        # The other one is found frozen by a check, and lent to nobody.
        for _ in range(5):
            assert await db.items.list() == []
    finally:
        for pid in set(pids):
            os.kill(pid, signal.SIGCONT)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP there")
async def test_a_statement_of_its_own_deadline_frees_a_frozen_slot(connect) -> None:
    db = await connect(pool_max=1)
    pid = await db.fetchval("select pg_backend_pid()")
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError, match=r"items\.sleep_shortly: no answer within its"):
            await db.items.sleep_shortly(s=0)
        assert await db.items.list() == []
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_cancel_on_a_frozen_server_frees_the_slot(connect) -> None:
    db = await connect(pool_max=1, pool_acquire=5)
    pid = await db.fetchval("select pg_backend_pid()")
    os.kill(pid, signal.SIGSTOP)
    try:
        task = asyncio.ensure_future(db.items.list())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await db.items.list() == []
    finally:
        os.kill(pid, signal.SIGCONT)
