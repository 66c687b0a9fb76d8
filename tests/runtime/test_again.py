"""Running again: what others undid is repeated, and nothing else ever is."""

import asyncio
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from cutting_proxy import CuttingProxy, once
from items import Database, UnitOfWork

from salacia_db.runtime import (
    CommitOutcomeUnknown,
    ConnectionLost,
    DatabaseError,
    DeadlockDetected,
    SerializationFailure,
    TransactionRolledBack,
    UniqueViolation,
    UsageError,
)

ROOT = Path(__file__).parents[2]
FAILURE = SerializationFailure("could not serialize", sqlstate="40001")


async def ids(db: Database) -> list[int]:
    return [item.id for item in await db.items.list()]


async def move(uow: UnitOfWork, source: int, target: int, told: list[str]) -> int:
    """Moves one from an item to another, each read before it is written."""
    uow.after_commit(told.append, "moved")
    told.append("tried")
    for number, step in ((source, -1), (target, 1)):
        amount = await uow.fetchval("select amount from item where id = $1", number)
        await uow.execute("update item set amount = $2 where id = $1", number, amount + step)
    return source


async def impatient(connect) -> Database:
    """A database that notices deadlocks soon, for callers who wait for a connection for long."""
    db = await connect()
    name = await db.fetchval("select current_database()")
    await db.execute(f"alter database {name} set deadlock_timeout = '10ms'")
    return await connect(pool_acquire=100)


# --- storms ---------------------------------------------------------------------------------------


async def test_a_storm_of_serialization_failures_keeps_the_sum(connect) -> None:
    db = await impatient(connect)
    for number in range(3):
        await db.items.insert(number, amount=1000)
    told: list[str] = []
    moves = [(number % 3, (number + 1 + number // 3 % 2) % 3) for number in range(60)]
    found = await asyncio.gather(
        *(
            db.run(move, *each, told, isolation="serializable", attempts=1000, seconds=120)
            for each in moves
        )
    )
    assert found == [source for source, _ in moves]
    assert told.count("moved") == 60 < told.count("tried")
    amounts = {item.id: item.amount for item in await db.items.list()}
    changes = {n: sum((b == n) - (a == n) for a, b in moves) for n in range(3)}
    assert amounts == {n: 1000 + change for n, change in changes.items()}


async def test_a_storm_of_deadlocks_keeps_the_sum(connect) -> None:
    deadlocks: list[DeadlockDetected] = []
    db = await impatient(connect)
    await db.items.insert(1, amount=100)
    await db.items.insert(2, amount=100)

    async def swap(uow: UnitOfWork, first: int, second: int) -> None:
        try:
            await uow.execute("update item set amount = amount - 1 where id = $1", first)
            await asyncio.sleep(0.005)
            await uow.execute("update item set amount = amount + 1 where id = $1", second)
        except DeadlockDetected as error:
            deadlocks.append(error)
            raise

    pairs = [(1, 2), (2, 1)] * 8
    await asyncio.gather(*(db.run(swap, *pair, attempts=1000, seconds=60) for pair in pairs))
    assert deadlocks
    assert [item.amount for item in await db.items.list()] == [100, 100]


# --- what is repeated -----------------------------------------------------------------------------


async def test_hooks_run_once_for_the_attempt_that_was_kept(db: Database) -> None:
    told: list[str] = []
    attempts = 0

    async def work(uow: UnitOfWork) -> str:
        nonlocal attempts
        attempts += 1
        uow.after_commit(told.append, f"committed {attempts}")
        uow.after_rollback(told.append, f"rolled back {attempts}")
        await uow.items.insert(attempts)
        if attempts < 3:
            raise FAILURE
        return "done"

    assert await db.run(work) == "done"
    assert told == ["rolled back 1", "rolled back 2", "committed 3"]
    assert await ids(db) == [3]


async def test_a_lost_connection_undid_the_unit_so_that_it_is_repeated(
    connect, proxy: CuttingProxy, db: Database
) -> None:
    cut = await connect(url=proxy.url)

    async def work(uow: UnitOfWork) -> None:
        await uow.items.insert(1)
        await uow.items.insert(2)

    for word in (b"item 2", b"COMMIT"):
        await db.execute("truncate item cascade")
        proxy.rule = once(word, "before")
        await cut.run(work)
        assert await ids(db) == [1, 2]


async def test_a_schema_that_changed_is_seen_anew(connect) -> None:
    db = await connect(pool_max=1)
    await db.items.insert(1)
    attempts = 0

    async def work(uow: UnitOfWork) -> None:
        nonlocal attempts
        attempts += 1
        await uow.items.list()

    await db.run(work)
    await db.execute("alter table item alter name type varchar(100)")
    await db.run(work)
    assert attempts == 3


async def test_a_failure_that_the_function_swallowed_is_one_all_the_same(db: Database) -> None:
    await db.items.insert(1)
    attempts = 0

    async def work(uow: UnitOfWork) -> None:
        nonlocal attempts
        attempts += 1
        await uow.items.list()
        if attempts == 1:
            await db.items.rename(1, "theirs")
        with suppress(DatabaseError):
            await uow.items.rename(1, "mine")

    await db.run(work, isolation="repeatable read")
    assert attempts == 2
    assert [item.name for item in await db.items.list()] == ["mine"]


# --- what is not ----------------------------------------------------------------------------------


async def test_an_outcome_that_is_unknown_is_never_repeated(connect, proxy: CuttingProxy) -> None:
    cut = await connect(url=proxy.url, timeout=0.3)
    told: list[str] = []
    cutting = once(b"COMMIT", "after")

    def and_away(data: bytes) -> str | None:
        what = cutting(data)
        proxy.refusing |= what is not None
        return what

    async def work(uow: UnitOfWork) -> None:
        uow.after_commit(told.append, "committed")
        told.append("attempt")
        await uow.items.insert(1)
        proxy.rule = and_away

    with pytest.raises(CommitOutcomeUnknown):
        await cut.run(work)
    assert told == ["attempt"]


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError(), UsageError(""), TransactionRolledBack(""), asyncio.CancelledError()],
    ids=lambda error: type(error).__name__,
)
async def test_other_errors_are_raised_at_once(db: Database, error: BaseException) -> None:
    attempts = 0

    async def work(uow: UnitOfWork) -> None:
        nonlocal attempts
        attempts += 1
        await uow.items.insert(1)
        raise error

    with pytest.raises(type(error)) as caught:
        await db.run(work)
    assert caught.value is error
    assert attempts == 1
    assert await ids(db) == []


async def test_what_the_function_committed_itself_is_not_done_twice(db: Database) -> None:
    async def work(uow: UnitOfWork) -> None:
        await uow.items.insert(1)
        await uow.commit()
        raise FAILURE

    with pytest.raises(SerializationFailure):
        await db.run(work)
    assert await ids(db) == [1]


async def test_a_violation_is_no_reason_to_try_again(db: Database) -> None:
    await db.items.insert(1)
    attempts: list[int] = []

    async def work(uow: UnitOfWork) -> None:
        attempts.append(1)
        await uow.items.insert(1)

    with pytest.raises(UniqueViolation):
        await db.run(work)
    assert len(attempts) == 1


# --- the budget -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "most"), [({"attempts": 3}, 3), ({"attempts": 1}, 1), ({"seconds": 0.05}, 9)]
)
async def test_the_last_error_is_raised_when_the_budget_is_spent(
    db: Database, budget: dict, most: int
) -> None:
    raised: list[ConnectionLost] = []

    async def hopeless(uow: UnitOfWork) -> None:
        raised.append(ConnectionLost("gone"))
        await asyncio.sleep(0.01)
        raise raised[-1]

    with pytest.raises(ConnectionLost) as caught:
        await db.run(hopeless, **budget)
    assert caught.value is raised[-1]
    assert 1 <= len(raised) <= most
    (note,) = caught.value.__notes__
    assert "hopeless: given up after attempt" in note


async def test_a_pause_can_be_cancelled(db: Database) -> None:
    failed = asyncio.Event()

    async def hopeless(uow: UnitOfWork) -> None:
        await uow.items.insert(1)
        failed.set()
        raise FAILURE

    task = asyncio.ensure_future(db.run(hopeless, attempts=10**6, seconds=600))
    await failed.wait()
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await ids(db) == []


@pytest.mark.parametrize("budget", [{"attempts": 0}, {"seconds": 0}, {"seconds": float("nan")}])
async def test_a_budget_for_nothing_is_refused(db: Database, budget: dict) -> None:
    async def work(uow: UnitOfWork) -> None:
        raise AssertionError

    with pytest.raises(UsageError, match="attempts must be at least 1"):
        await db.run(work, **budget)


# --- around it ------------------------------------------------------------------------------------


async def test_options_of_the_unit_are_passed_through(db: Database) -> None:
    async def tell(uow: UnitOfWork, setting: str) -> str:
        return await uow.fetchval("select current_setting($1)", setting)

    assert await db.run(tell, "transaction_isolation", isolation="serializable") == "serializable"
    assert await db.run(tell, "transaction_read_only", read_only=True) == "on"
    assert await db.run(tell, "app.tenant", settings={"app.tenant": 7}) == "7"


async def test_repetitions_are_logged_by_name(db: Database, caplog) -> None:
    attempts: list[int] = []

    async def work(uow: UnitOfWork) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise FAILURE

    with caplog.at_level("INFO", "salacia_db.retries"):
        await db.run(work)
    (record,) = caplog.records
    assert "work is run again after SerializationFailure (attempt 1)" in record.getMessage()


async def test_the_function_is_told_as_the_holder(connect) -> None:
    db = await connect(pool_max=1, pool_acquire=1)

    async def work(uow: UnitOfWork) -> str:
        await uow.items.list()
        with pytest.raises(TimeoutError) as caught:
            await asyncio.create_task(db.items.list())
        return str(caught.value)

    message = await asyncio.create_task(db.run(work))
    assert f"the unit of work of {__file__}:{work.__code__.co_firstlineno} " in message


TYPED = """
from items import Database, UnitOfWork

async def amount(uow: UnitOfWork, id: int, fallback: str) -> int | str:
    item = await uow.items.get(id=id)
    return fallback if item is None else item.amount

async def main(db: Database) -> None:
    reveal_type(await db.run(amount, 1, "none", isolation="serializable", attempts=3))
    await db.run(amount, "1", "none")
    await db.run(amount, 1)
    await db.run(amount, 1, "none", isolation="chaos")
"""


def test_the_types_of_function_and_result_are_known(tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(TYPED)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "typed.py"],
        cwd=tmp_path,
        env={"PATH": "", "MYPYPATH": f"{ROOT}:{Path(__file__).parent}"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("typed.py:")]
    assert 'Revealed type is "int | str"' in lines[0].replace("Union[int, str]", "int | str")
    errors = {line.split(":")[1] for line in lines if " error: " in line}
    assert errors == {"10", "11", "12"}, done.stdout
