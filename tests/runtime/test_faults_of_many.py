"""Many rows and shared statements under faults: the database holds what the callers were told."""

import asyncio
import csv
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from batching_program import PUT
from cutting_proxy import CuttingProxy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interrupted import Interrupted
from items import Database
from slots import settled

from salacia_db.runtime import (
    CommitOutcomeUnknown,
    ConnectionFailed,
    ConnectionLost,
    DeadlineExceeded,
    Statement,
    UniqueViolation,
)

# The pool draws lifetimes while hypothesis draws examples, in a thread of its own.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the .random. module")

ROWS = 300
ALL = Statement("items.all", "select id, name, note from item order by id", read_only=True)
# Whoever gets one of these knows that nothing was kept.
NOTHING = (ConnectionLost, ConnectionFailed, DeadlineExceeded)
KILL = (
    "select pg_terminate_backend(pid) from pg_stat_activity "
    "where application_name like 'salacia_db%' and datname = current_database()"
)

Row = tuple[int, str, int, object]


def rows(count: int) -> list[Row]:
    return [(n, f"item {n} {'x' * 50}", 0, {"n": n}) for n in range(count)]


async def unit(db: Database, given: list[Row]) -> None:
    async with db.unit_of_work() as uow:
        await uow.items.unnest_many(given[::2])
        await uow.items.copy(given[1::2])


CALLS: dict[str, Callable[[Database, list[Row]], Coroutine[Any, Any, object]]] = {
    "bulk": lambda db, given: db.items.insert_many(given),
    "bulk at once": lambda db, given: db.items.unnest_many(given),
    "bulk counted": lambda db, given: db.items.add_many(given),
    "copy": lambda db, given: db.items.copy(given),
    "several": unit,
}
FAULTS = ("cut up", "cut down", "hole", "killed", "killed late", "cancelled", "cancelled again")


class Fault:
    """A fault that comes after so many bytes of what passes, or at a suspension."""

    def __init__(self, kind: str, at: int, proxy: CuttingProxy, killer: asyncpg.Connection) -> None:
        self.kind = kind
        self._at = at
        self._left = at
        self._killer = killer
        self._killing: asyncio.Task[str] | None = None
        if kind == "killed late":
            # The server's last words come some time before the end of the connection.
            proxy.linger = 0.05
        if kind == "cut down":
            proxy.reply = self._rule
        elif not kind.startswith("cancelled"):
            proxy.rule = self._rule

    def _rule(self, data: bytes) -> Any:
        if self._left < 0:
            return None
        self._left -= len(data)
        if self._left >= 0:
            return None
        match self.kind:
            case "hole":
                return "hole"
            case "killed" | "killed late":
                self._killing = asyncio.ensure_future(self._killer.execute(KILL))
                return None
        return max(0, len(data) + self._left)

    async def told(self, work: Coroutine[Any, Any, object]) -> object:
        """What the work's caller is told: its error, or None."""
        if self.kind.startswith("cancelled"):
            at = self._at % 12
            work = _awaited(Interrupted(work, set(range(at, at + 20)) if self.kind[9:] else {at}))
        (found,) = await asyncio.gather(work, return_exceptions=True)
        return found if isinstance(found, BaseException) else None

    async def over(self) -> None:
        if self._killing is not None:
            await self._killing


async def _awaited(work: Interrupted) -> object:
    return await work


def law(example: Callable[..., Coroutine[Any, Any, None]], *strategies: Any, examples: int) -> Any:
    """Runs a law's examples on this event loop."""
    loop = asyncio.get_running_loop()

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.tuples(*strategies))
    def holds(drawn: tuple[Any, ...]) -> None:
        asyncio.run_coroutine_threadsafe(example(*drawn), loop).result(60)

    return asyncio.to_thread(holds)


@pytest.fixture
async def cut(connect, proxy: CuttingProxy) -> Database:
    return await connect(url=proxy.url, timeout=0.5, pool_max=3, application_name="salacia_db cut")


faults = st.sampled_from(FAULTS)
# Early in what passes, or late.
places = st.integers(0, 400) | st.integers(0, 60_000)


async def whole(db: Database, bystander: asyncpg.Connection) -> None:
    """Waits until all connections work: one killed unused is found out by who uses it next.

    And until nothing is under way any more.
    """
    async with asyncio.timeout(5):
        while True:
            found = await asyncio.gather(
                *(db.items.sleep(s=0.01) for _ in range(3)), return_exceptions=True
            )
            if not any(found):
                break
            assert all(isinstance(error, ConnectionLost | None) for error in found)
    await settled(db, bystander)


async def count(bystander: asyncpg.Connection) -> int:
    found: int = await bystander.fetchval("select count(*) from item")
    return found


@pytest.mark.parametrize("call", CALLS)
async def test_of_many_rows_all_are_there_or_none(
    cut: Database, proxy: CuttingProxy, db: Database, bystander, call: str
) -> None:
    async def example(kind: str, at: int) -> None:
        await bystander.execute("truncate item cascade")
        fault = Fault(kind, at, proxy, bystander)
        error = await fault.told(CALLS[call](cut, rows(ROWS)))
        await fault.over()
        proxy.heal()
        # The pool is whole before the outcome is looked at: nothing is under way any more.
        await whole(cut, bystander)
        there = await count(bystander)
        if error is None:
            assert there == ROWS
        elif isinstance(error, asyncio.CancelledError):
            assert kind.startswith("cancelled")
            assert there in (0, ROWS)
        elif isinstance(error, CommitOutcomeUnknown):
            assert await error.resolve(db) == ("committed" if there else "aborted")
            assert there in (0, ROWS)
        else:
            assert isinstance(error, NOTHING)
            assert there == 0

    await law(example, faults, places, examples=20)


async def test_of_a_batch_each_caller_is_told_what_became_of_its_row(
    cut: Database, proxy: CuttingProxy, bystander
) -> None:
    async def example(kind: str, at: int, twice: set[int], cancelled: set[int]) -> None:
        await bystander.execute("truncate item cascade")
        await bystander.execute("insert into item (id, name) values (-1, 'taken')")
        fault = Fault(kind, at % 8000, proxy, bystander)
        calls = [
            asyncio.ensure_future(
                cut.session.batched.fetchrow(PUT, n, "taken" if n in twice else f"{n}", 0, None)
            )
            for n in range(40)
        ]
        for number in cancelled:
            await asyncio.sleep(0.001)
            calls[number].cancel()
        told = await asyncio.gather(*calls, return_exceptions=True)
        await fault.over()
        proxy.heal()
        await whole(cut, bystander)
        there = {row[0] for row in await bystander.fetch("select id from item")}
        for number, found in enumerate(told):
            if isinstance(found, asyncio.CancelledError):
                assert number in cancelled
            elif isinstance(found, UniqueViolation):
                assert number in twice
            elif isinstance(found, BaseException):
                assert isinstance(found, (CommitOutcomeUnknown, *NOTHING))
                assert isinstance(found, CommitOutcomeUnknown) or number not in there
            else:
                assert number in there
        assert not twice & there

    numbers = st.sets(st.integers(0, 39), max_size=4)
    shared = st.sampled_from([fault for fault in FAULTS if not fault.startswith("cancelled")])
    await law(example, shared, places, numbers, numbers, examples=30)


async def test_a_stream_that_breaks_has_given_a_beginning_and_says_so(
    cut: Database, proxy: CuttingProxy, db: Database, bystander
) -> None:
    await db.items.copy(rows(2000))

    async def example(kind: str, at: int) -> None:
        fault = Fault(kind, at * 5, proxy, bystander)
        seen: list[int] = []
        error = await fault.told(_reading(cut, seen))
        await fault.over()
        proxy.heal()
        await whole(cut, bystander)
        assert seen == list(range(len(seen)))
        assert len(seen) == 2000 or isinstance(error, (*NOTHING, asyncio.CancelledError))

    await law(example, faults, places, examples=20)


async def _reading(db: Database, seen: list[int]) -> None:
    async with db.items.stream() as stream:
        async for chunk in stream.chunks():
            seen += [item.id for item in chunk]


async def test_a_file_is_whole_or_as_it_was(
    cut: Database, proxy: CuttingProxy, db: Database, bystander, tmp_path: Path
) -> None:
    await db.items.copy(rows(ROWS))
    path = tmp_path / "items.csv"

    async def example(kind: str, at: int) -> None:
        path.write_text("before")
        fault = Fault(kind, at, proxy, bystander)
        error = await fault.told(cut.session.copy_out(ALL, (), path))
        await fault.over()
        proxy.heal()
        await whole(cut, bystander)
        assert os.listdir(tmp_path) == [path.name]
        if error is None:
            with path.open() as file:
                assert len(list(csv.reader(file))) == ROWS + 1
        else:
            assert isinstance(error, (*NOTHING, asyncio.CancelledError))
            # It may have been whole before the end of its transaction was cut.
            assert path.read_text() == "before" or len(path.read_text().splitlines()) == ROWS + 1

    await law(example, faults, places, examples=30)
