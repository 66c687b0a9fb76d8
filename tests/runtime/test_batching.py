# ruff: noqa: ASYNC110, PT012 - a backend is waited for; a unit of work raises at its end
"""Batching: concurrent calls share a statement, and none of them can tell."""

import asyncio
import logging
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest
from cutting_proxy import once
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from items import ALL, XID, Database, Item, StaleItem

from salacia_db.runtime import (
    Batch,
    CommitOutcomeUnknown,
    ConnectionLost,
    Created,
    DeadlineExceeded,
    Hooks,
    NotFound,
    QueueFull,
    SalaciaError,
    Statement,
    UniqueViolation,
    UsageError,
    Write,
    WriteDeadlineExceeded,
    retry_safe,
)


def reading(name: str, select: str, array: str = "$1::int4[]", size: int = 256) -> Statement:
    """A batched read of one parameter, which stands as {} in the text."""
    head = f"-- {name}\n"
    form = (
        f"{head}select answer.*, calls.n from unnest({array}) with ordinality as calls (p1, n) "
        f"cross join lateral (select * from ({select.format('calls.p1')}) as one limit 1) as answer"
    )
    return Statement(
        name,
        head + select.format("$1"),
        parameters=("x",),
        read_only=True,
        clean=True,
        none=StaleItem,
        batch=Batch(Statement(name, form, read_only=True, clean=True), size=size),
    )


def writing(name: str, sql: str, *parameters: str, size: int = 256, **more: object) -> Statement:
    """A batched write that returns whole items."""
    sql = f"-- {name}\n{sql} returning {ALL}"
    form = f"{sql}, ${len(parameters) + 1}::int4"
    batched = Statement(name, form, clean=True, tracked=f"{form}, {XID}", **more)  # type: ignore[arg-type]
    return Statement(
        name,
        sql,
        parameters=parameters,
        clean=True,
        tracked=f"{sql}, {XID}",
        writes=(Write("create", Item, returned=True),),
        batch=Batch(batched, size=size),
        **more,  # type: ignore[arg-type]
    )


COLUMNS = ("id", "name", "amount", "note")
GET = reading("items.get", f"select {ALL} from item where id = {{}}")
FEW = reading("items.few", f"select {ALL} from item where id = {{}}", size=5)
SHARE = reading("items.share", "select id, 10 / amount from item where id = {}")
SLEEP = reading("items.sleep", "select {}::int4, pg_sleep(0.2)")
NAP = reading("items.nap", "select {}::int4, pg_sleep(0.02)")
ADD = writing("items.add", f"insert into item ({ALL}) values ($1, $2, $3, $4)", *COLUMNS)
SLOW = writing(
    "items.slow",
    f"insert into item ({ALL}) select $1, $2, $3, $4 from pg_sleep(0.3)",
    *COLUMNS,
)
LATE = writing(
    "items.late",
    f"insert into item ({ALL}) select $1, $2, $3, $4 from pg_sleep(0.3)",
    *COLUMNS,
    timeout=0.2,
)
RENAME = writing("items.rename", "update item set name = $2 where id = $1", "id", "name")


def item(number: int) -> tuple[object, ...]:
    return number, f"item {number}", 0, None


async def together(db: Database, statement: Statement, args: list[tuple]) -> list[object]:
    """All calls at once; an error is a result."""
    session = db.session.batched
    calls = (session.fetchrow(statement, *each) for each in args)
    return await asyncio.gather(*calls, return_exceptions=True)


async def one_by_one(db: Database, statement: Statement, args: list[tuple]) -> list[object]:
    """The same calls without batching."""
    found: list[object] = []
    for each in args:
        try:
            found.append(await db.session.fetchrow(statement, *each))
        except SalaciaError as error:
            found.append(error)
    return found


def told(results: list[object]) -> list[object]:
    """Results for comparison: of an error its type, its words and what it says was violated."""
    return [
        (type(r), str(r), getattr(r, "constraint", None))
        if isinstance(r, BaseException)
        else None
        if r is None
        else tuple(r)  # type: ignore[call-overload]
        for r in results
    ]


async def idle(db: Database) -> bool:
    """Whether nothing is left of what ran: no task, no connection in use."""
    for _ in range(200):
        if len(asyncio.all_tasks()) == 1 and len(db.pool._free) == len(db.pool.connections):
            return True
        await asyncio.sleep(0.01)
    return False


# --- the law --------------------------------------------------------------------------------------

ids = st.integers(0, 12) | st.none() | st.sampled_from(["x", 2**40, [1]])
lookups = st.lists(st.tuples(ids), max_size=40)
inserts = st.lists(
    st.tuples(
        ids,
        st.sampled_from(["a", "b", "c", "d", "e", None]) | st.text("\0é'", max_size=2),
        st.integers(-1, 3),
        st.sampled_from([None, {"a": [1]}, [1, 2], "x"]),
    ),
    max_size=25,
)
renames = st.lists(st.tuples(ids, st.sampled_from(["item 1", "z", None])), max_size=25)


@pytest.mark.parametrize(
    ("statement", "calls"),
    [(GET, lookups), (FEW, lookups), (SHARE, lookups), (ADD, inserts), (RENAME, renames)],
    ids=["lookups", "small batches", "lookups that fail", "inserts", "updates"],
)
async def test_batched_calls_have_the_results_of_calls_by_themselves(
    connect, statement: Statement, calls: st.SearchStrategy
) -> None:
    # Of the only connection, so that no batch overtakes another: then even the order is the same.
    db = await connect(pool_max=1)
    loop = asyncio.get_running_loop()

    async def compare(args: list[tuple]) -> None:
        found = []
        for run in (one_by_one, together):
            await db.execute("truncate item cascade")
            await db.items.insert_many((n, f"item {n}", n % 3, None) for n in range(5))
            results = told(await run(db, statement, args))
            found.append((results, await db.fetch("table item order by id")))
        assert found[0] == found[1]

    @settings(
        max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(calls)
    def law(args: list[tuple]) -> None:
        asyncio.run_coroutine_threadsafe(compare(args), loop).result(60)

    await asyncio.to_thread(law)
    assert await idle(db)


VALUES = [
    ("bool", [True, False]),
    ("int2", [-1, 32767]),
    ("int8", [2**62]),
    ("float8", [1.5, float("inf")]),
    ("numeric", [Decimal("1.50"), Decimal("Infinity")]),
    ("text", ["", "NULL", "{}", '"', "é,\\"]),
    ("varchar", ["x"]),
    ("char(3)", ["x"]),
    ('"char"', [b"x"]),
    ("bytea", [b"", b"\0\xff"]),
    ("uuid", [UUID(int=7)]),
    ("date", [date(2020, 1, 2), date.max]),
    ("timestamptz", [datetime(2020, 1, 2, tzinfo=UTC)]),
    ("timestamp", [datetime(2020, 1, 2)]),
    ("interval", [timedelta(days=1, seconds=2)]),
    ("inet", ["10.0.0.1", "::1"]),
    ("cidr", ["10.0.0.0/8"]),
    ("int4range", [asyncpg.Range(1, 5), asyncpg.Range(empty=True)]),
    ("bit(3)", [asyncpg.BitString("101")]),
    ("point", [asyncpg.Point(1, 2)]),
    ("path", [asyncpg.Path((1, 2), (3, 4))]),
    ("polygon", [asyncpg.Polygon((1, 2), (3, 4), (5, 6))]),
    ("pg_lsn", [2**40]),
    ("xid8", [5]),
    ("mood", ["sad", "NULL"]),
    ("code", ["c"]),
]


@pytest.mark.parametrize(("type_", "values"), VALUES, ids=[type_ for type_, _ in VALUES])
async def test_values_of_any_type_that_is_let_through_arrive(db, type_: str, values: list) -> None:
    await db.execute(
        "create type mood as enum ('sad', 'NULL'); create domain code as text check (value <> '')"
    )
    statement = reading("echo", f"select {{}}::{type_} as v", f"$1::{type_}[]")
    args = [(value,) for value in [*values, None, *values]]
    assert told(await together(db, statement, args)) == told(await one_by_one(db, statement, args))


# --- sharing --------------------------------------------------------------------------------------


async def test_what_queues_while_the_first_runs_shares_one_statement(connect, caplog) -> None:
    db = await connect(log_statements=True)
    with caplog.at_level(logging.INFO, "salacia_db.statements"):
        await together(db, ADD, [item(n) for n in range(20)])
    assert [record.args[0] for record in caplog.records] == ["items.add", "items.add"]
    caplog.clear()
    with caplog.at_level(logging.INFO, "salacia_db.statements"):
        rows = await together(db, GET, [(n,) for n in range(20)])
    assert [row[0] for row in rows] == list(range(20))
    assert len(caplog.records) == 2


async def test_no_batch_is_larger_than_it_may_be(connect, caplog) -> None:
    db = await connect(log_statements=True, pool_max=1)
    with caplog.at_level(logging.INFO, "salacia_db.statements"):
        await together(db, FEW, [(n,) for n in range(16)])
    assert len(caplog.records) == 4  # one by itself, and three times five


async def test_inserts_share_a_commit(connect, db) -> None:
    await together(db, ADD, [item(n) for n in range(20)])
    assert await db.fetchval("select count(distinct xmin::text) from item") == 2


async def test_an_insert_returns_once_it_is_committed(db, bystander) -> None:
    looking = asyncio.Lock()

    async def insert_and_look(number: int) -> bool:
        await db.session.batched.fetchrow(ADD, *item(number))
        async with looking:
            found = await bystander.fetchval("select true from item where id = $1", number)
        return bool(found)

    assert all(await asyncio.gather(*map(insert_and_look, range(30))))


async def test_a_missing_row_raises_for_its_own_caller(db) -> None:
    await db.items.insert(1)
    session = db.session.batched
    calls = (session.fetchone(GET, number) for number in (1, 2, 1, 2))
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(each, NotFound) for each in found] == [False, True, False, True]
    assert found[1] is not found[3]


async def test_nothing_is_shared_between_two_who_ask_for_the_same(db) -> None:
    await db.items.insert(1, note={"a": []})
    first, second, third = await together(db, GET, [(1,), (1,), (1,)])
    assert second[3] == third[3] == first[3]
    assert second[3] is not third[3]


async def test_in_a_unit_of_work_a_call_belongs_to_it(db) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.unit_of_work() as uow:
            await uow.session.batched.fetchrow(ADD, *item(1))
            raise ZeroDivisionError
    assert await db.items.list() == []


async def test_where_hooks_listen_each_call_runs_by_itself(connect) -> None:
    hooks = Hooks()
    seen: list[tuple[object, int]] = []

    @hooks.after_create(Item)
    def created(event: Created[Item]) -> None:
        seen.append((event.arguments["id"], event.rows[0].id))

    db = await connect(hooks=hooks)
    await together(db, ADD, [item(n) for n in range(10)])
    assert sorted(seen) == [(n, n) for n in range(10)]
    assert await db.fetchval("select count(distinct xmin::text) from item") == 10


# --- harm -----------------------------------------------------------------------------------------


async def test_a_bad_row_fails_only_its_own_caller(db) -> None:
    rows = [item(n) for n in range(40)]
    rows[20] = (3, "twice", 0, None)
    found = await together(db, ADD, rows)
    assert [n for n, each in enumerate(found) if isinstance(each, UniqueViolation)] == [20]
    assert len(await db.items.list()) == 39


async def test_what_a_commit_refuses_fails_only_its_own_caller(db) -> None:
    sql = "-- children.add\ninsert into child (id, item_id) values ($1, $2) returning id"
    add = Statement(
        "children.add",
        sql,
        parameters=("id", "item_id"),
        clean=True,
        batch=Batch(Statement("children.add", f"{sql}, $3::int4", clean=True), size=256),
    )
    await db.items.insert(1)
    found = await together(db, add, [(n, 2 if n == 5 else 1) for n in range(12)])
    failed = [n for n, each in enumerate(found) if isinstance(each, SalaciaError)]
    assert failed == [5]
    assert found[5].constraint == "child_item_fkey"
    assert await db.fetchval("select count(*) from child") == 11


async def test_a_row_that_somebody_has_locked_holds_up_no_other(db, bystander) -> None:
    await together(db, ADD, [item(n) for n in range(10)])
    lock = bystander.transaction()
    await lock.start()
    await bystander.execute("update item set amount = 1 where id = 5")
    tasks = [
        asyncio.ensure_future(db.session.batched.fetchrow(RENAME, n, f"new {n}")) for n in range(10)
    ]
    others = [task for task in tasks if task is not tasks[5]]
    assert [row[0] for row in await asyncio.gather(*others)] == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert not tasks[5].done()
    await lock.rollback()
    assert (await tasks[5])[1] == "new 5"


async def test_a_call_that_gets_no_answer_is_overtaken(db, bystander) -> None:
    lock = bystander.transaction()
    await lock.start()
    await bystander.execute("insert into item (id, name) values (0, 'mine')")
    tasks = [asyncio.ensure_future(db.session.batched.fetchrow(ADD, *item(n))) for n in range(4)]
    assert [row[0] for row in await asyncio.gather(*tasks[1:])] == [1, 2, 3]
    assert not tasks[0].done()
    await lock.rollback()
    assert (await tasks[0])[0] == 0


async def test_what_is_stuck_leaves_connections_to_others(connect, bystander) -> None:
    db = await connect(pool_max=4)
    lock = bystander.transaction()
    await lock.start()
    await bystander.execute("lock table item")
    tasks = [asyncio.ensure_future(db.session.batched.fetchrow(ADD, *item(n))) for n in range(30)]
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    # The first by itself, then a batch, and in the end some of it by themselves.
    for _ in range(5):
        await asyncio.sleep(0.1)
        assert await db.fetchval(waiting) <= 3
    await lock.rollback()
    assert [row[0] for row in await asyncio.gather(*tasks)] == list(range(30))


async def test_no_caller_lends_its_context_to_others(connect) -> None:
    caller: ContextVar[str] = ContextVar("caller", default="nobody")
    seen: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(caller.get())  # type: ignore[method-assign]
    logger = logging.getLogger("salacia_db.statements")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    db = await connect(log_statements=True)

    async def call(number: int) -> None:
        caller.set(f"caller {number}")
        await db.session.batched.fetchrow(GET, number)

    try:
        await asyncio.gather(*map(call, range(5)))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    assert seen == ["caller 0", "nobody"]


async def test_who_is_cancelled_before_the_batch_starts_is_left_out(connect, bystander) -> None:
    db = await connect(pool_max=1)
    lock = bystander.transaction()
    await lock.start()
    await bystander.execute("insert into item (id, name) values (0, 'mine')")
    tasks = [asyncio.ensure_future(db.session.batched.fetchrow(ADD, *item(n))) for n in range(4)]
    await asyncio.sleep(0.01)
    tasks[2].cancel()
    await lock.rollback()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[2], asyncio.CancelledError)
    assert [each.id for each in await db.items.list()] == [0, 1, 3]


@pytest.mark.parametrize("pool_max", [1, 5])
async def test_a_storm_of_cancellations_harms_nobody_else(connect, pool_max: int) -> None:
    db = await connect(pool_max=pool_max)
    session = db.session.batched
    for storm in range(6):
        numbers = range(storm * 100, storm * 100 + 100)
        tasks = [asyncio.ensure_future(session.fetchrow(ADD, *item(n))) for n in numbers]
        for turn in range(20):
            await asyncio.sleep(0 if turn % 5 else 0.002)
            tasks[(turn * 37 + storm) % 100].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        for number, each in zip(numbers, found, strict=True):
            assert isinstance(each, asyncio.CancelledError) or each[0] == number
        there = {each.id for each in await db.items.list()}
        kept = {
            n for n, each in zip(numbers, found, strict=True) if not isinstance(each, BaseException)
        }
        assert kept <= there
    assert await idle(db)


async def test_a_backend_that_is_killed_harms_those_of_its_batch_alike(db, bystander) -> None:
    tasks = [asyncio.ensure_future(db.session.batched.fetchrow(SLOW, *item(n))) for n in range(5)]
    await tasks[0]
    kill = (
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where state = 'active' and query like '-- items.slow%'"
    )
    while not await bystander.fetch(kill):
        await asyncio.sleep(0.01)
    lost = (await asyncio.gather(*tasks, return_exceptions=True))[1:]
    assert [type(each) for each in lost] == [ConnectionLost] * 4
    assert len({id(each) for each in lost}) == 4
    assert all(map(retry_safe, lost))
    assert [each.id for each in await db.items.list()] == [0]
    assert (await db.session.batched.fetchrow(ADD, *item(9)))[0] == 9


@pytest.mark.parametrize("how", ["before", "after"])
async def test_a_commit_whose_reply_was_lost_is_looked_up_for_all(
    connect, proxy, db, how: str
) -> None:
    cut = await connect(url=proxy.url)
    proxy.rule = once(b"COMMIT", how)
    found = await together(cut, ADD, [item(n) for n in range(5)])
    there = [each.id for each in await db.items.list()]
    if how == "after":
        assert told(found) == [item(n) for n in range(5)]
        assert there == list(range(5))
    else:
        assert [type(each) for each in found[1:]] == [ConnectionLost] * 4
        assert there == [0]


@pytest.mark.parametrize("how", ["before", "after"])
async def test_a_commit_that_can_not_be_looked_up_is_unknown_to_each(
    connect, proxy, db, how: str
) -> None:
    cut = await connect(url=proxy.url, timeout=0.5)
    cutting = once(b"COMMIT", how)

    def rule(data: bytes) -> str | None:
        what = cutting(data)
        proxy.refusing = proxy.refusing or what is not None
        return what

    proxy.rule = rule
    found = await together(cut, ADD, [item(n) for n in range(4)])
    assert all(isinstance(each, CommitOutcomeUnknown) for each in found[1:])
    assert len({id(each) for each in found}) == 4
    assert not any(map(retry_safe, found[1:]))


# --- time -----------------------------------------------------------------------------------------


async def test_a_deadline_holds_while_one_queues(connect) -> None:
    db = await connect(pool_max=1, timeout=0.2)
    async with db.unit_of_work() as uow:
        await uow.items.list()
        first = asyncio.ensure_future(db.session.batched.fetchrow(ADD, *item(1)))
        await asyncio.sleep(0)
        with pytest.raises(DeadlineExceeded, match="wasn't sent") as caught:
            await db.session.batched.fetchrow(ADD, *item(2))
        assert not isinstance(caught.value, CommitOutcomeUnknown)
    await first
    assert [each.id for each in await db.items.list()] == [1]


async def test_a_write_that_was_sent_may_have_happened_at_its_deadline(db) -> None:
    found = await together(db, LATE, [item(n) for n in range(4)])
    assert [type(each) for each in found] == [WriteDeadlineExceeded] * 4
    assert await idle(db)


async def test_a_read_has_just_not_been_answered_at_its_deadline(connect) -> None:
    db = await connect(timeout=0.1)
    found = await together(db, SLEEP, [(n,) for n in range(4)])
    assert [type(each) for each in found] == [DeadlineExceeded] * 4


# --- the end --------------------------------------------------------------------------------------


async def test_close_runs_what_queues(connect) -> None:
    db = await connect(pool_max=1)
    tasks = [asyncio.ensure_future(db.session.batched.fetchrow(NAP, n)) for n in range(20)]
    await asyncio.sleep(0)
    await db.close()
    found = await asyncio.gather(*tasks)
    assert [row[0] for row in found] == list(range(20))
    with pytest.raises(UsageError, match="closed"):
        await db.session.batched.fetchrow(GET, 1)


async def test_close_waits_no_longer_than_it_may(connect) -> None:
    db = await connect(pool_max=1, close_timeout=0.05)
    tasks = [asyncio.ensure_future(db.session.batched.fetchrow(SLEEP, n)) for n in range(5)]
    await asyncio.sleep(0.05)
    await db.close()
    async with asyncio.timeout(5):
        found = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, SalaciaError) for each in found)


async def test_where_the_worker_is_cancelled_nobody_waits_for_ever(db) -> None:
    mine = asyncio.all_tasks()
    callers = [asyncio.ensure_future(db.session.batched.fetchrow(SLEEP, n)) for n in range(5)]
    await callers[0]
    await asyncio.sleep(0.02)
    for task in asyncio.all_tasks() - mine - set(callers):
        task.cancel()
    async with asyncio.timeout(5):
        found = await asyncio.gather(*callers[1:], return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in found)
    assert await idle(db)


async def test_batches_belong_to_the_loop_of_their_database(db) -> None:
    first = asyncio.ensure_future(db.session.batched.fetchrow(SLEEP, 1))
    await asyncio.sleep(0.02)

    def elsewhere() -> None:
        with suppress(UsageError):
            asyncio.run(db.session.batched.fetchrow(SLEEP, 2))
            raise AssertionError

    await asyncio.to_thread(elsewhere)
    assert (await first)[0] == 1


async def test_a_queue_is_only_so_long(connect, bystander) -> None:
    db = await connect(pool_max=1, batch_queue=3)
    lock = bystander.transaction()
    await lock.start()
    await bystander.execute("lock table item")
    tasks = [asyncio.ensure_future(db.session.batched.fetchrow(ADD, *item(n))) for n in range(4)]
    await asyncio.sleep(0.01)
    with pytest.raises(QueueFull, match=r"items\.add: 3 calls queue already") as caught:
        await db.session.batched.fetchrow(ADD, *item(9))
    assert retry_safe(caught.value)
    assert caught.value.statement == "items.add"
    # Other statements have queues of their own, and who went away leaves room for others.
    tasks[2].cancel()
    while True:
        await asyncio.sleep(0.01)
        with suppress(QueueFull):
            tasks.append(asyncio.ensure_future(db.session.batched.fetchrow(ADD, *item(4))))
            done, _ = await asyncio.wait({tasks[-1]}, timeout=0.01)
            if not done:
                break
            await tasks.pop()
    await lock.rollback()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[2], asyncio.CancelledError)
    assert [each.id for each in await db.items.list()] == [0, 1, 3, 4]
    assert await idle(db)
