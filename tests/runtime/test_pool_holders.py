"""Who holds connections: leaks, and tasks that would wait for themselves."""

import asyncio
import gc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from items import Database
from slots import all_slots

from salacia_db.runtime import PoolDeadlock, PoolTimeout


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "salacia_db.pool"]


# --- leaks ----------------------------------------------------------------------------------------


async def test_a_unit_that_becomes_garbage_is_told_and_given_back(connect, caplog) -> None:
    db = await connect(pool_max=1, pool_acquire=5)

    async def forget() -> None:
        uow = db.unit_of_work()
        await uow.__aenter__()
        await uow.items.add(1)

    await forget()
    gc.collect()
    # Rolled back, and lent again.
    assert await db.items.list() == []
    (message,) = told(caplog)
    assert "test_pool_holders.py:" in message
    assert "was never ended, and is garbage now" in message
    assert db.stats().pool.leaked == 1


async def test_an_abandoned_unit_is_taken_back_from_another_thread_too(connect, caplog) -> None:
    db = await connect(pool_max=1, pool_acquire=5)
    uow = db.unit_of_work()
    await uow.__aenter__()
    await uow.items.list()
    kept = [uow]
    del uow

    def drop() -> None:
        kept.clear()
        gc.collect()

    await asyncio.to_thread(drop)
    assert await db.items.list() == []
    assert len(told(caplog)) == 1


async def test_what_is_held_for_too_long_is_told_once_with_its_place(connect, caplog) -> None:
    db = await connect(pool_max=2, pool_leak=0.2)
    async with db.unit_of_work() as uow:
        await uow.items.list()
        await asyncio.sleep(0.8)
        (message,) = told(caplog)
        assert message.startswith("a connection is held by the unit of work of ")
        assert "test_pool_holders.py:" in message
        assert "(last: items.list)" in message
    assert db.stats().pool.leaked == 1
    stream = db.items.stream()
    await db.items.add(1)
    async with stream:
        async for _ in stream:
            await asyncio.sleep(0.5)
    assert len(told(caplog)) == 2
    assert db.stats().pool.leaked == 2


async def test_what_is_given_back_in_time_is_no_leak(connect, caplog) -> None:
    db = await connect(pool_max=1, pool_leak=0.3)
    for _ in range(4):
        async with db.unit_of_work() as uow:
            await uow.items.list()
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.1)
    gc.collect()
    await db.items.list()
    assert told(caplog) == []
    assert db.stats().pool.leaked == 0


# --- waits that never end -------------------------------------------------------------------------


async def test_a_task_is_not_made_to_wait_for_itself(connect) -> None:
    db = await connect(pool_max=1, pool_acquire=30)
    async with asyncio.timeout(5):
        async with db.unit_of_work() as uow:
            await uow.items.add(1)
            with pytest.raises(PoolDeadlock) as caught:
                await db.items.list()
            with pytest.raises(PoolDeadlock):
                async with db.unit_of_work() as second:
                    await second.items.list()
            await uow.items.add(2)
        assert len(await db.items.list()) == 2
    message = str(caught.value)
    assert message.count("test_pool_holders.py:") == 2
    assert "Use the unit of work" in message
    assert "pool_max=1" in message
    assert db.stats().pool.deadlocks == 2


async def test_a_nested_call_that_finds_a_connection_is_fine(connect) -> None:
    db = await connect(pool_max=2)
    async with db.unit_of_work() as uow:
        await uow.items.add(1)
        assert await db.items.list() == []
        async with db.unit_of_work() as second:
            await second.items.add(2)
    assert len(await db.items.list()) == 2


async def test_a_nested_call_waits_for_a_connection_that_will_come(connect) -> None:
    db = await connect(pool_max=2)
    async with db.unit_of_work() as uow:
        await uow.items.list()
        other = asyncio.ensure_future(db.items.sleep(s=0.1))
        await asyncio.sleep(0.02)
        assert await db.items.list() == []
        await other


async def test_of_tasks_that_wait_for_each_other_one_is_refused(connect) -> None:
    db = await connect(pool_max=3, pool_acquire=30)
    met = asyncio.Barrier(3)

    async def work(number: int) -> int:
        async with db.unit_of_work() as uow:
            await uow.items.add(number)
            await met.wait()
            return len(await db.items.list())

    async with asyncio.timeout(5):
        found = await asyncio.gather(*(work(n) for n in range(3)), return_exceptions=True)
    refused = [result for result in found if isinstance(result, PoolDeadlock)]
    assert len(refused) == 1
    assert str(refused[0]).count("test_pool_holders.py:") == 4
    assert sum(isinstance(result, int) for result in found) == 2
    assert len(await db.items.list()) == 2


async def test_what_a_task_has_given_back_is_not_held_against_it(connect) -> None:
    db = await connect(pool_max=1, pool_acquire=5)
    for _ in range(20):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), db.unit_of_work() as uow:
                await uow.items.sleep(s=1)
        # It is being put in order still.
        assert await db.items.list() == []
    assert db.stats().pool.deadlocks == 0


async def test_a_place_in_generated_code_is_that_of_its_caller(connect) -> None:
    db = await connect(pool_max=1)
    async with db.unit_of_work() as uow:
        await uow.items.list()
        with pytest.raises(PoolDeadlock, match=r"^\S*test_pool_holders\.py:\d+ would wait"):
            await db.items.list()


Plan = list[tuple[int, int]]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    slots=st.integers(1, 4),
    plans=st.lists(
        st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3)), max_size=4),
        min_size=1,
        max_size=8,
    ),
)
async def test_however_tasks_nest_all_end_and_the_pool_is_whole(
    url: str, slots: int, plans: list[Plan]
) -> None:
    """Each task opens units within units of its own; none hangs, none waits in vain."""
    async with Database(url, pool_max=slots, pool_acquire=8, close_timeout=1.0) as db:

        async def nest(plan: Plan) -> None:
            if not plan:
                return
            (unit, pauses), rest = plan[0], plan[1:]
            if not unit:
                await db.items.list()
                await nest(rest)
                return
            async with db.unit_of_work() as uow:
                await uow.items.list()
                for _ in range(pauses):
                    await asyncio.sleep(0)
                await nest(rest)

        async with asyncio.timeout(30):
            found = await asyncio.gather(*(nest(p) for p in plans), return_exceptions=True)
        assert not any(isinstance(result, PoolTimeout) for result in found)
        assert all(result is None or isinstance(result, PoolDeadlock) for result in found), found
        assert db.stats().pool.in_use == 0
        assert len(await all_slots(db)) == slots
