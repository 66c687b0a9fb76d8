"""Through PgBouncer in transaction mode: each transaction may be in another session."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest
from cutting_proxy import CuttingProxy, once
from items import Database, Item

from salacia_db.runtime import (
    CommitOutcomeUnknown,
    ConfigurationError,
    ConnectionLost,
    InvalidArgument,
    Statement,
    UsageError,
)
from salacia_db.runtime.connections.pooler import check
from tests.bouncer import PgBouncer, find_pgbouncer, pgbouncer

SESSIONS = 3


@pytest.fixture
def bouncer(url: str) -> Iterator[PgBouncer]:
    if find_pgbouncer() is None:
        pytest.skip("pgbouncer is neither on PATH nor in /usr/sbin")
    with pgbouncer(url, size=SESSIONS) as running:
        yield running


@pytest.fixture
def through(bouncer: PgBouncer, url: str) -> str:
    return bouncer.url(urlsplit(url).path[1:])


@pytest.fixture
async def db(connect, through: str) -> Database:
    made: Database = await connect(url=through, pooler="transaction", pool_max=12)
    return made


async def sessions(bystander: asyncpg.Connection) -> int:
    found: int = await bystander.fetchval(
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and application_name = 'salacia_db'"
    )
    return found


async def test_all_that_the_runtime_does_works(db: Database, bystander) -> None:
    rows = [(n, str(n), n, {"n": [n]}) for n in range(10, 1500)]

    async def work(number: int) -> None:
        await db.items.insert(number, note={"a": [1]})
        assert await db.items.get(id=number) == Item(number, f"item {number}", 0, {"a": [1]})
        async with db.unit_of_work(settings={"app.x": f"it's \\ {number}"}) as uow:
            assert (await uow.items.rename(number, f"new {number}")) is not None
            async with uow.unit_of_work() as inner:
                await inner.items.upsert(number, f"newer {number}")
                setting = await inner.fetchval("select current_setting('app.x')")
                assert setting == f"it's \\ {number}"
            assert (await uow.items.must_get(id=number)).name == f"newer {number}"

    await asyncio.gather(*(work(number) for number in range(10)))
    await db.items.delete(9)
    await db.execute("delete from item")
    assert len(await db.items.insert_many(rows[:700])) == 700
    assert len(await db.items.unnest_many(rows[700:1000])) == 300
    assert await db.items.copy(rows[1000:]) == 490
    assert [item.id async for item in db.items.stream()] == [row[0] for row in rows]
    async with db.unit_of_work(defer_begin=True, isolation="read committed") as uow:
        assert len(await uow.items.list()) == 1490
        assert await uow.items.raise_all(1) == 1490
    assert await db.fetchval("select sum(amount) from item") == sum(range(10, 1500)) + 1490
    assert await sessions(bystander) <= SESSIONS


async def test_nothing_is_prepared_or_left_in_a_session(db: Database) -> None:
    left = (
        "select (select count(*) from pg_prepared_statements), current_setting('jit'), "
        "coalesce(current_setting('app.x', true), ''), pg_backend_pid() from pg_sleep(0.05)"
    )
    jit = await db.fetchval("select current_setting('jit')")
    await db.execute("create type mood as enum ('calm', 'wild')")
    moods = Statement("moods", "select $1::mood, array[$1::mood]", read_only=True, clean=True)

    async def work(number: int) -> None:
        async with db.unit_of_work(settings={"app.x": number}) as uow:
            assert tuple(await uow.session.fetchone(moods, "wild")) == ("wild", ["wild"])
        assert tuple(await db.session.fetchone(moods, "calm")) == ("calm", ["calm"])

    await asyncio.gather(*(work(number) for number in range(30)))
    rows = [row for row in await asyncio.gather(*(db.fetchrow(left) for _ in range(9))) if row]
    assert len({row[3] for row in rows}) == SESSIONS
    assert {tuple(row)[:3] for row in rows} == {(0, jit, "")}


async def test_a_statement_costs_two_round_trips_and_no_reset(connect, through: str) -> None:
    async with CuttingProxy(through) as proxy:
        db: Database = await connect(url=proxy.url, pooler="transaction")
        await db.items.list()
        sent: list[bytes] = []
        proxy.rule = lambda data: sent.append(data)
        await db.items.list()
        assert len(sent) == 2
        await db.execute("delete from item")
        assert len(sent) == 3
        assert not any(b"RESET" in data or b"__asyncpg" in data for data in sent)


async def test_a_cancelled_or_failed_call_leaves_a_whole_pool(db: Database, bystander) -> None:
    async def work(number: int) -> None:
        async with db.unit_of_work() as uow:
            await uow.items.insert(number)
            await uow.items.sleep(s=0.01)
            await uow.items.get(id=number)

    for turn in range(5):
        tasks = [asyncio.ensure_future(work(turn * 100 + n)) for n in range(100)]
        for n, task in enumerate(tasks):
            if n % 3:
                asyncio.get_running_loop().call_later(n / 5000, task.cancel)
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(each, (type(None), asyncio.CancelledError)) for each in done)
    with pytest.raises(UsageError, match="began a transaction"):
        await db.execute("begin; insert into item values (9999, 'left open')")
    with pytest.raises(InvalidArgument, match="doesn't fit int4"):
        await db.items.get(id="one")  # type: ignore[arg-type]
    await asyncio.gather(*(db.items.list() for _ in range(50)))
    assert await db.fetchval("select count(*) from item where id = 9999") == 0
    stuck = "select count(*) from pg_stat_activity where state like 'idle in transaction%'"
    assert await bystander.fetchval(stuck) == 0


@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("write", ["insert", "raw"])
async def test_a_lost_reply_to_commit_is_looked_up(
    connect, db: Database, through: str, how: str, write: str
) -> None:
    async with CuttingProxy(through) as proxy:
        cut: Database = await connect(url=proxy.url, pooler="transaction")
        try:
            async with cut.unit_of_work() as uow:
                await uow.items.list()
                # The pooler has gone over to another server since this connection was opened.
                connection = uow.session.transaction.connection
                assert connection is not None
                assert connection.incarnation is not None
                connection.incarnation = "another server"
                if write == "raw":
                    await uow.execute("insert into item values (1, 'item 1')")
                else:
                    await uow.items.insert(1)
                proxy.rule = once(b"COMMIT", how)
        except ConnectionLost:
            assert how == "before"
        else:
            assert how == "after"
    assert len(await db.items.list()) == (1 if how == "after" else 0)


async def test_the_death_of_the_pooler_is_survived(
    db: Database, bouncer: PgBouncer, bystander
) -> None:
    async def work(number: int) -> int:
        async with db.unit_of_work() as uow:
            await uow.items.insert(number)
            await uow.fetchval("select pg_sleep(0.02)")
        return number

    tasks = [asyncio.ensure_future(work(number)) for number in range(30)]
    await asyncio.sleep(0.1)
    bouncer.stop()
    await asyncio.sleep(0.05)
    bouncer.start()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    kept = {row[0] for row in await bystander.fetch("select id from item")}
    for number, outcome in enumerate(done):
        if not isinstance(outcome, CommitOutcomeUnknown):
            assert (number in kept) == (outcome == number), outcome
    assert await db.items.list() is not None
    await work(1000)


async def test_without_the_setting_the_error_tells_of_it(connect, through: str) -> None:
    db: Database = await connect(url=through, pool_max=8)
    held = [
        Statement(f"held.{n}", f"-- held.{n}\nselect {n}, pg_sleep(0.01)", clean=True)
        for n in range(8)
    ]
    calls = (db.session.fetch(held[n % 8]) for n in range(200))
    done = await asyncio.gather(*calls, return_exceptions=True)
    failed = [str(each) for each in done if isinstance(each, Exception)]
    assert failed
    assert any("connect with pooler='transaction'" in each for each in failed)


async def test_what_needs_a_session_is_refused(db: Database) -> None:
    statement = Statement("jobs.watch", "-- jobs.watch\nlisten jobs")
    with pytest.raises(UsageError, match=r"^jobs\.watch: LISTEN needs a session of its own"):
        await db.session.execute(statement)
    for call in (
        db.execute("select 1; set work_mem = '1MB'"),
        db.fetchval("select pg_try_advisory_lock($1)", 1),
    ):
        with pytest.raises(UsageError, match="a pooler in transaction mode"):
            await call
    async with db.unit_of_work() as uow:
        connection = await uow.connection()
        with pytest.raises(UsageError, match="LISTEN"):
            await connection.add_listener("jobs", lambda *_: None)
        with pytest.raises(UsageError, match="SET "):
            await connection.execute("set role postgres")


@pytest.mark.parametrize(
    "sql",
    [
        "set x.y = 1",
        "SET SESSION x.y = 1",
        "set role someone",
        "set session authorization someone",
        "/* why */ set -- what\n x.y = 1",
        "select 1; reset all",
        "listen a",
        "unlisten *",
        "load 'auto_explain'",
        "discard temp",
        "prepare a as select 1",
        "deallocate all",
        "create temp table t (a int)",
        "create temporary table t on commit delete rows as select 1",
        "declare c scroll cursor with hold for select 1",
        "select pg_advisory_lock(1)",
        "with a as (select pg_try_advisory_lock_shared(1, 2)) select from a",
        "select set_config('a.b', 'true', false)",
        "select set_config('a.b', $1, $2)",
        "select set_config('a.b', 'c', true), set_config('a.b', upper('c, true'), false)",
    ],
)
def test_texts_that_keep_something_in_the_session(sql: str) -> None:
    with pytest.raises(UsageError):
        check(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "select 1",
        "set local x.y = 1",
        "SET TRANSACTION READ ONLY",
        "set constraints all immediate",
        "prepare transaction 'a'",
        "create temp table t (a int) on commit drop",
        "create table template (a int)",
        "declare c cursor for select 1",
        "select pg_advisory_xact_lock(1), pg_advisory_unlock(1)",
        "select set_config('a.b', 'c', true)",
        "select set_config('a.b', upper('c'), is_local => true)",
        "select set_config('a.b', E'it\\'s; set x = 1', true)",
        "update settings set listen = 'set'",
        "select 'x; listen a', \"; set b\", $$; set c$$, $a$; reset all $a$ -- ; set d",
        "select $1; select $2::text",
        "insert into t values ('; discard all')",
        "select settle(), reset_all() from listener",
    ],
)
def test_texts_that_keep_nothing(sql: str) -> None:
    check(sql)


def test_another_word_than_transaction_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="pooler"):
        Database("postgresql://", pooler="statement")  # type: ignore[arg-type]
