# ruff: noqa: ASYNC110, PT012 - the server is waited for
"""Cancellation at every await point: the outcome is known, and the pool is whole."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interrupted import Interrupted
from items import Database, UnitOfWork

from salacia_db.runtime import (
    ConcurrentUse,
    DatabaseError,
    SalaciaError,
    TransactionRolledBack,
)

# The pool draws lifetimes while hypothesis draws examples, in a thread of its own.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the .random. module")

POOL = 2
# How a unit that is undone may end; the last two where what was cancelled was swallowed.
EXPECTED = (asyncio.CancelledError, ZeroDivisionError, TransactionRolledBack, DatabaseError)
LISTED = (
    "select count(*) from pg_stat_activity "
    "where application_name = 'salacia_db' and datname = current_database()"
)
OPEN = f"{LISTED} and state like 'idle in transaction%'"


async def whole(db: Database, bystander: asyncpg.Connection) -> bool:
    """Whether the pool lends all its connections at once, and no session is in a transaction."""
    async with asyncio.timeout(5):
        lent = await asyncio.gather(*(db.pool.acquire() for _ in range(db.pool.settings.max)))
        for connection in lent:
            db.pool.put(connection)
        while await bystander.fetchval(OPEN) or await bystander.fetchval(LISTED) > POOL:
            await asyncio.sleep(0.01)
    return True


# --- random units ---------------------------------------------------------------------------------

STEPS = (
    "insert",
    "insert many",
    "raw",
    "copy",
    "read",
    "stream",
    "nested",
    "nested, undone",
    "nested, swallowed",
    "nested, patient",
    "patient",
    "dirty",
)
programs = st.lists(st.sampled_from(STEPS), min_size=1, max_size=5)


class Ledger:
    """What a unit has to tell afterwards: the ids that it wrote, and which callbacks ran."""

    def __init__(self, start: int) -> None:
        self._next = start
        self.kept: set[int] = set()
        self.undone: set[int] = set()
        self.committed = 0
        self.rolled_back = 0

    def number(self, *, undone: bool = False) -> int:
        self._next += 1
        (self.undone if undone else self.kept).add(self._next)
        return self._next


async def perform(uow: UnitOfWork, step: str, ledger: Ledger) -> None:
    match step:
        case "insert":
            await uow.items.insert(ledger.number())
        case "insert many":
            numbers = [ledger.number() for _ in range(3)]
            await uow.items.unnest_many((n, f"item {n}", 0, None) for n in numbers)
        case "copy":
            numbers = [ledger.number() for _ in range(3)]
            await uow.items.copy((n, f"item {n}", 0, None) for n in numbers)
        case "raw":
            await uow.execute(
                "insert into item (id, name) values ($1, $1::int::text)", ledger.number()
            )
        case "dirty":
            await uow.execute("set application_name to default")
        case "read":
            await uow.items.list()
        case "stream":
            async for _ in uow.items.stream():
                break
        case "nested":
            async with uow.unit_of_work() as inner:
                await inner.items.insert(ledger.number())
        case "nested, undone":
            with suppress(ZeroDivisionError):
                async with uow.unit_of_work() as inner:
                    await inner.items.insert(ledger.number(undone=True))
                    raise ZeroDivisionError
        case "nested, swallowed":
            with suppress(TransactionRolledBack):
                async with uow.unit_of_work() as inner:
                    await inner.items.insert(ledger.number(undone=True))
                    with suppress(SalaciaError):
                        await inner.items.divide(by=0)
        case "nested, patient":
            number = ledger.number()
            try:
                async with uow.unit_of_work() as inner:
                    await inner.items.insert(number)
            except asyncio.CancelledError:
                ledger.kept.remove(number)
                ledger.undone.add(number)
        case "patient":
            # What is cancelled here is swallowed, as by a timeout of the caller's own.
            with suppress(asyncio.CancelledError):
                await uow.items.sleep_shortly(s=0.001)


async def unit(db: Database, program: list[str], ledger: Ledger, *, fails: bool) -> None:
    def committed() -> None:
        ledger.committed += 1

    async def rolled_back() -> None:
        ledger.rolled_back += 1
        await asyncio.sleep(0)

    async with db.unit_of_work() as uow:
        uow.after_commit(committed)
        uow.after_rollback(rolled_back)
        uow.after_commit(asyncio.sleep, 0.001)
        for step in program:
            await perform(uow, step, ledger)
        if fails:
            raise ZeroDivisionError


async def check(db: Database, bystander: asyncpg.Connection, ledger: Ledger, error: object) -> None:
    assert await whole(db, bystander)
    assert (ledger.committed, ledger.rolled_back) in ((1, 0), (0, 1))
    there = {row[0] for row in await bystander.fetch("select id from item")}
    if ledger.committed:
        assert ledger.kept <= there
        assert error is None or isinstance(error, asyncio.CancelledError)
    else:
        assert not ledger.kept & there
        assert isinstance(error, EXPECTED), repr(error)
        assert getattr(error, "sqlstate", "25P02") == "25P02"
    assert not ledger.undone & there


def law(test: Callable) -> Callable:
    return settings(
        max_examples=150,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )(test)


async def test_a_unit_cancelled_anywhere_and_again_has_a_known_outcome(connect, bystander) -> None:
    db = await connect(pool_max=POOL)
    loop = asyncio.get_running_loop()
    numbers = iter(range(0, 10**9, 1000))

    async def once(program: list[str], at: set[int], fails: bool) -> None:
        ledger = Ledger(next(numbers))
        work = Interrupted(unit(db, program, ledger, fails=fails), at)
        (error,) = await asyncio.gather(_run(work), return_exceptions=True)
        await check(db, bystander, ledger, error)

    @law
    @given(
        programs,
        st.sets(st.integers(0, 12), min_size=1, max_size=1)
        | st.integers(0, 12).map(lambda n: set(range(n, n + 30)))
        | st.sets(st.integers(0, 30), max_size=5),
        st.booleans(),
    )
    def holds(program: list[str], at: set[int], fails: bool) -> None:
        asyncio.run_coroutine_threadsafe(once(program, at, fails), loop).result(60)

    await asyncio.to_thread(holds)


async def _run(work: Interrupted) -> object:
    return await work


# --- each place by itself -------------------------------------------------------------------------


@pytest.mark.parametrize("again", [False, True], ids=["once", "again and again"])
@pytest.mark.parametrize(
    "program", [["insert"], ["raw", "nested"], ["dirty", "copy"], ["read"]], ids=" ".join
)
async def test_each_await_point_of_a_unit_can_be_the_one(
    connect, bystander, program: list[str], again: bool
) -> None:
    db = await connect(pool_max=POOL)
    at, seen = 0, set()
    while True:
        ledger = Ledger(at * 100)
        work = Interrupted(
            unit(db, program, ledger, fails=False), set(range(at, at + 30)) if again else {at}
        )
        (error,) = await asyncio.gather(_run(work), return_exceptions=True)
        await check(db, bystander, ledger, error)
        if work.suspensions <= at:
            break
        seen.add(ledger.committed)
        at += 1
    # Before COMMIT it is undone, from then on carried out.
    assert seen == {0, 1}


# --- where it was wrong ---------------------------------------------------------------------------


async def test_what_follows_a_begin_that_was_cancelled_is_not_outside_of_the_transaction(
    connect, bystander
) -> None:
    db = await connect(pool_max=POOL)
    settings = {"app.x": "x"}

    async def work() -> None:
        async with db.unit_of_work(settings=settings) as uow:
            with suppress(asyncio.CancelledError, DatabaseError):
                await uow.items.list()
            with pytest.raises(DatabaseError, match="an earlier error has ended") as caught:
                await uow.items.insert(1)
            assert caught.value.sqlstate == "25P02"

    with pytest.raises(TransactionRolledBack, match="cancelled"):
        await Interrupted(work(), {0})
    settings["no_such_setting"] = "x"
    with pytest.raises(TransactionRolledBack, match="swallowed"):
        await work()
    assert await whole(db, bystander)
    assert await db.items.list() == []


async def test_a_cancelled_call_leaves_its_connection_in_use(connect, bystander) -> None:
    db = await connect(pool_max=1)
    before = await db.fetchval("select pg_backend_pid()")
    for at in (0, 1):
        with suppress(asyncio.CancelledError):
            await Interrupted(db.items.sleep_shortly(s=0.05), {at})
        with pytest.raises(asyncio.CancelledError):
            await Interrupted(unit(db, ["insert", "raw"], Ledger(0), fails=False), {at})
        assert await whole(db, bystander)
    assert await db.fetchval("select pg_backend_pid()") == before


async def test_a_nested_unit_left_open_ends_the_outer_one_and_frees_its_connection(
    connect, bystander
) -> None:
    db = await connect(pool_max=POOL)
    told: list[str] = []
    with pytest.raises(ConcurrentUse, match="is still open"):
        async with db.unit_of_work() as uow:
            uow.after_rollback(told.append, "rolled back")
            await uow.items.insert(1)
            await uow.unit_of_work().__aenter__()
    async with db.unit_of_work() as uow:
        async with uow.unit_of_work() as inner:
            with pytest.raises(ConcurrentUse):
                await uow.commit()
            await inner.items.insert(2)
        await uow.items.insert(3)
    assert told == ["rolled back"]
    assert await whole(db, bystander)
    assert [item.id for item in await db.items.list()] == [2, 3]
