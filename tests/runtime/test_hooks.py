# ruff: noqa: ASYNC110, PT012 - a commit is waited for; a unit of work raises at the end of its block
"""Hooks: who is told what, when, and what follows from it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from items import Audit, Database, Item

from salacia_db.runtime import (
    After,
    Created,
    Creating,
    Deleted,
    Deleting,
    Hooks,
    TransactionRolledBack,
    UniqueViolation,
    Updated,
    Updating,
    UsageError,
)


class Told(list[str]):
    """A registry that notes each event as a word."""

    def __init__(self, hooks: Hooks) -> None:
        super().__init__()
        for register in (
            hooks.before_create,
            hooks.before_update,
            hooks.before_delete,
            hooks.after_create,
            hooks.after_update,
            hooks.after_delete,
        ):
            register()(self.note)
        hooks.after_commit()(self.committed)
        hooks.after_rollback()(self.rolled_back)

    def note(self, event: Any) -> None:
        self.append(f"{type(event).__name__} {event.model.__name__}")

    def committed(self, event: After[Any]) -> None:
        self.append(f"committed {type(event).__name__} {event.model.__name__}")

    def rolled_back(self, event: After[Any]) -> None:
        self.append(f"rolled back {type(event).__name__} {event.model.__name__}")


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


@pytest.fixture
async def db(connect, hooks: Hooks) -> Database:
    return await connect(hooks=hooks)


async def test_every_write_is_told_before_and_after_and_once_committed(db, hooks) -> None:
    told = Told(hooks)
    async with db.unit_of_work() as uow:
        await uow.items.insert(1)
        await uow.items.rename(1, "one")
        await uow.items.delete(1)
        assert told == [
            "Creating Item",
            "Created Item",
            "Updating Item",
            "Updated Item",
            "Deleting Item",
            "Deleted Item",
        ]
        told.clear()
    assert told == ["committed Created Item", "committed Updated Item", "committed Deleted Item"]


async def test_events_carry_rows_counts_and_arguments(db, hooks: Hooks) -> None:
    seen: list[Any] = []

    @hooks.after_create(Item)
    def created(event: Created[Item]) -> None:
        seen.append((event.rows, event.count, event.arguments["name"], event.statement))

    @hooks.after_update(Item)
    def updated(event: Updated[Item]) -> None:
        seen.append((event.rows, event.count, dict(event.arguments)))

    @hooks.after_delete(Item)
    async def deleted(event: Deleted[Item]) -> None:
        await asyncio.sleep(0)
        seen.append((event.rows, event.count))

    made = await db.items.insert(1, "one")
    await db.items.add(2)
    await db.items.raise_all(3)
    await db.items.delete(1)
    assert seen == [
        ((made,), 1, "one", "items.insert"),
        ((), 1, "item 2", "items.add"),
        ((), 2, {"by": 3}),
        ((), 1),
    ]


async def test_nothing_is_told_where_nothing_was_written(db, hooks: Hooks) -> None:
    told = Told(hooks)
    assert await db.items.rename(1, "x") is None
    assert await db.items.delete(1) == 0
    assert await db.items.raise_all(1) == 0
    assert told == ["Updating Item", "Deleting Item", "Updating Item"]


async def test_a_before_hook_may_replace_arguments_but_not_names(db, hooks: Hooks) -> None:
    @hooks.before_create(Item)
    def shout(event: Creating[Item]) -> None:
        event.arguments["name"] = event.arguments["name"].upper()
        assert set(event.arguments) == {"id", "name", "amount", "note"}
        assert "ONE" not in repr(event) + repr(event.arguments)
        with pytest.raises(UsageError, match=r"items\.insert has no parameter 'nmae'; it has id"):
            event.arguments["nmae"] = "x"
        with pytest.raises(UsageError, match="not removed"):
            del event.arguments["name"]

    assert (await db.items.insert(1, "one")).name == "ONE"
    assert [item.name for item in await db.items.list()] == ["ONE"]


async def test_a_before_hook_refuses_by_raising(db, hooks: Hooks) -> None:
    class Refused(Exception):
        pass

    @hooks.before_delete(Item)
    async def keep(event: Deleting[Item]) -> None:
        raise Refused

    told = Told(hooks)
    await db.items.insert(1)
    told.clear()
    with pytest.raises(Refused):
        await db.items.delete(1)
    async with db.unit_of_work() as uow:
        with pytest.raises(Refused):
            await uow.items.delete(1)
        await uow.items.rename(1, "kept")
    assert [item.name for item in await db.items.list()] == ["kept"]
    assert "Deleted Item" not in told


async def test_an_after_hook_that_raises_undoes_a_lone_statement(db, hooks: Hooks) -> None:
    told = Told(hooks)

    @hooks.after_create(Item)
    def broken(event: Created[Item]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await db.items.insert(1)
    assert await db.items.list() == []
    assert told == ["Creating Item", "Created Item", "rolled back Created Item"]


async def test_a_rollback_keeps_after_commit_hooks_silent(db, hooks: Hooks) -> None:
    told = Told(hooks)
    with pytest.raises(ZeroDivisionError):
        async with db.unit_of_work() as uow:
            await uow.items.insert(1)
            raise ZeroDivisionError
    with pytest.raises(TransactionRolledBack):
        async with db.unit_of_work() as uow:
            await uow.items.insert(1)
            with pytest.raises(UniqueViolation):
                await uow.items.insert(1)
    assert not any(word.startswith("committed") for word in told)
    assert told.count("rolled back Created Item") == 2


async def test_what_a_savepoint_takes_back_is_not_told_as_committed(db, hooks: Hooks) -> None:
    told = Told(hooks)
    async with db.unit_of_work() as uow:
        await uow.items.insert(1)
        with pytest.raises(ZeroDivisionError):
            async with uow.savepoint():
                await uow.items.delete(1)
                raise ZeroDivisionError
        async with uow.unit_of_work() as inner:
            await inner.items.rename(1, "kept")
    assert [word for word in told if " " in word and word[0].islower()] == [
        "rolled back Deleted Item",
        "committed Created Item",
        "committed Updated Item",
    ]


async def test_after_commit_hooks_see_the_commit_and_run_once(db, hooks: Hooks) -> None:
    seen: list[tuple[str, int]] = []

    @hooks.after_commit(Item)
    async def committed(event: After[Item]) -> None:
        seen.append((type(event).__name__, len(await db.items.list())))

    @hooks.after_commit
    def everything(event: After[Any]) -> None:
        seen.append(("everything", event.count or 0))

    @hooks.after_commit(Audit)
    def other(event: After[Audit]) -> None:
        seen.append(("audit", 0))

    await db.items.insert(1)
    assert seen == [("Created", 1), ("everything", 1)]


async def test_an_upsert_tells_created_from_updated(db, hooks: Hooks) -> None:
    told = Told(hooks)
    rows: list[Any] = []
    hooks.after_create(Item)(lambda event: rows.append(("created", event.rows, event.upsert)))
    hooks.after_update(Item)(lambda event: rows.append(("updated", event.rows, event.upsert)))
    for name in ("one", "two"):
        async with db.unit_of_work() as uow:
            await uow.items.insert(9 if name == "one" else 8)  # the number is known already
            rows.clear()
            told.clear()
            item = await uow.items.upsert(1, name)
            assert item == Item(1, name, 0, None)
            word = "created" if name == "one" else "updated"
            assert rows == [(word, (item,), True)]
            assert told == ["Creating Item", "Updating Item", f"{word.capitalize()} Item"]


async def test_writes_in_a_cte_are_told_too(db, hooks: Hooks) -> None:
    await db.items.insert(1)
    told = Told(hooks)
    counts: list[Any] = []
    hooks.after_create(Audit)(lambda event: counts.append((event.rows, event.count)))
    await db.items.audited(1, "new")
    assert told == [
        "Updating Item",
        "Creating Audit",
        "Updated Item",
        "Created Audit",
        "committed Updated Item",
        "committed Created Audit",
    ]
    assert counts == [((), None)]
    assert await db.fetchval("select count(*) from audit") == 1


async def test_a_bulk_call_is_one_event(db, hooks: Hooks) -> None:
    events: list[Any] = []

    @hooks.before_create(Item)
    def before(event: Creating[Item]) -> None:
        with pytest.raises(UsageError, match=r"event\.batch"):
            _ = event.arguments
        for arguments in event.batch:
            arguments["name"] += "!"

    @hooks.after_create(Item)
    def after(event: Created[Item]) -> None:
        events.append((len(event.rows), event.count, len(event.batch)))

    rows = [(n, f"item {n}", 0, None) for n in range(3)]
    made = await db.items.insert_many(rows)
    assert [item.name for item in made] == ["item 0!", "item 1!", "item 2!"]
    assert await db.items.add_many([(n, f"item {n}", 0, None) for n in range(3, 5)]) == 2
    assert await db.items.copy((n, f"item {n}", 0, None) for n in range(5, 9)) == 4
    assert events == [(3, 3, 3), (0, 2, 2), (0, 4, 4)]
    assert {item.name[-1] for item in await db.items.list()} == {"!"}


async def test_a_hook_may_be_told_of_each_row(db, hooks: Hooks) -> None:
    told: list[Any] = []

    @hooks.before_create(Item, each=True)
    def before(event: Creating[Item]) -> None:
        told.append(event.arguments["id"])
        event.arguments["name"] += "!"

    rows = [(n, f"item {n}", 0, None) for n in range(3)]
    made = await db.items.insert_many(rows)
    assert [item.name for item in made] == ["item 0!", "item 1!", "item 2!"]
    assert told == [0, 1, 2]
    told.clear()

    @hooks.after_create(Item, each=True)
    async def after(event: Created[Item]) -> None:
        there = len(await event.uow.items.list())
        told.append((event.arguments["id"], event.count, len(event.rows), there))

    hooks.after_create(Item)(lambda event: told.append((len(event.batch), event.count)))
    await db.items.insert_many((n, f"item {n}", 0, None) for n in (3, 4))
    assert told == [3, 4, (3, 1, 1, 4), (4, 1, 1, 5), (2, 2)]
    told.clear()
    await db.items.insert(9)
    assert told == [9, (9, 1, 1, 6), (1, 1)]
    assert await db.items.copy([(n, f"item {n}", 0, None) for n in (10, 11)]) == 2
    assert len(await db.items.list()) == 8


async def test_a_call_told_row_by_row_is_still_all_or_nothing(db, hooks: Hooks) -> None:
    committed: list[Any] = []
    hooks.after_commit(Item)(lambda event: committed.append(event.count))

    @hooks.after_create(Item, each=True)
    def refuse(event: Created[Item]) -> None:
        if event.arguments["id"] == 2:
            raise ValueError("two")

    async with db.unit_of_work() as uow:
        with pytest.raises(ValueError, match="two"):
            await uow.items.insert_many((n, f"item {n}", 0, None) for n in range(4))
        await uow.items.insert(7)
    assert [item.id for item in await db.items.list()] == [7]
    assert committed == [1]
    with pytest.raises(UniqueViolation) as caught:
        await db.items.insert_many([(8, "item 8", 0, None), (7, "item 7", 0, None)])
    assert caught.value.index == 1


async def test_a_hooks_queries_join_the_transaction(db, hooks: Hooks) -> None:
    @hooks.after_create(Item)
    async def count(event: Created[Item]) -> None:
        if len(await event.uow.items.list()) < 3:
            await event.uow.items.insert(len(await event.uow.items.list()) + 1)
        async with event.uow.savepoint() as inner:
            await inner.items.rename(1, f"{len(await inner.items.list())}")

    @hooks.before_create(Item)
    async def look(event: Creating[Item]) -> None:
        assert await event.uow.items.get(id=event.arguments["id"]) is None

    await db.items.insert(1)
    assert [item.id for item in await db.items.list()] == [1, 2, 3]
    with pytest.raises(ZeroDivisionError):
        async with db.unit_of_work() as uow:
            await uow.items.insert(4)
            raise ZeroDivisionError
    assert len(await db.items.list()) == 3


async def test_hooks_run_in_the_order_of_registration(db, hooks: Hooks) -> None:
    order: list[int] = []
    hooks.before_update(Item)(lambda event: order.append(1))
    hooks.before_update()(lambda event: order.append(2))
    hooks.before_update(Item)(lambda event: order.append(3))
    hooks.before_update(Audit)(lambda event: order.append(4))
    await db.items.raise_all(1)
    assert order == [1, 2, 3]


@pytest.mark.parametrize("given", [print, str, 7])
def test_a_hook_for_what_is_no_struct_is_refused_rather_than_never_told(given: Any) -> None:
    hooks = Hooks()
    for register in (
        hooks.before_create,
        hooks.after_create,
        hooks.before_update,
        hooks.after_update,
        hooks.before_delete,
        hooks.after_delete,
    ):
        with pytest.raises(UsageError, match=r"@hooks\.after_update\(\)"):
            register(given)
    for late in (hooks.after_commit, hooks.after_rollback):
        with pytest.raises(UsageError):
            late(str)


async def test_hooks_may_be_registered_later(db, hooks: Hooks) -> None:
    await db.items.insert(1)
    told = Told(hooks)
    await db.items.insert(2)
    assert told[0] == "Creating Item"


async def test_hooks_that_fail_after_the_commit_are_reported(db, hooks: Hooks, caplog) -> None:
    failures: list[str] = []

    @hooks.on_error
    def note(failure: Any) -> None:
        failures.append(f"{failure.function}: {failure.error!r}")
        raise RuntimeError("a listener may fail, too")

    @hooks.after_commit(Item)
    async def broken(event: After[Item]) -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    @hooks.after_commit(Item)
    def cancelled(event: After[Item]) -> None:
        raise ValueError

    await db.items.insert(1)
    assert len(await db.items.list()) == 1
    assert [text.rpartition(": ")[2] for text in failures] == [
        "ZeroDivisionError()",
        "ValueError()",
    ]
    assert "a listener of hooks.on_error failed" in caplog.text


async def test_types_of_events_are_known_to_checkers() -> None:
    hooks = Hooks()

    @hooks.before_update(Item)
    def before(event: Updating[Item]) -> int:
        return 1

    assert before(None) == 1  # type: ignore[arg-type]


# --- after the end, on a bad day ------------------------------------------------------------------


@pytest.fixture
def failures(hooks: Hooks) -> list[str]:
    """What was reported, as the function's and the error's names."""
    told: list[str] = []
    hooks.on_error(
        lambda failure: told.append(
            f"{failure.function.rpartition('.')[2]} {type(failure.error).__name__}"
        )
    )
    return told


def raising(error: BaseException) -> Callable[[], None]:
    def plain() -> None:
        raise error

    return plain


async def test_a_cancellation_of_a_callbacks_own_reaches_no_caller(db, failures) -> None:
    told: list[str] = []

    async def coroutine() -> None:
        raise asyncio.CancelledError

    async with db.unit_of_work() as uow:
        await uow.items.insert(1)
        uow.after_commit(raising(asyncio.CancelledError()))
        uow.after_commit(coroutine)
        uow.after_commit(raising(asyncio.CancelledError()))
        uow.after_commit(told.append, "told")
    assert told == ["told"]
    assert failures == ["plain CancelledError", "coroutine CancelledError", "plain CancelledError"]


async def test_a_callback_that_will_not_end_holds_up_nobody_for_long(
    connect, hooks, failures
) -> None:
    db = await connect(hooks=hooks, hook_timeout=0.05)
    told: list[str] = []
    over = asyncio.Event()

    async def stubborn() -> None:
        while not over.is_set():
            with suppress(asyncio.CancelledError):
                await over.wait()
        raise ZeroDivisionError  # nobody asks any more

    async with db.unit_of_work() as uow:
        await uow.items.insert(1)
        uow.after_commit(stubborn)
        uow.after_commit(told.append, "told")
    assert told == ["told"]
    assert failures == ["stubborn TimeoutError"]
    assert [item.id for item in await db.items.list()] == [1]
    over.set()
    await asyncio.sleep(0)


async def test_whose_caller_is_cancelled_goes_on_in_the_background(db, failures) -> None:
    told: list[str] = []
    begun = asyncio.Event()

    async def slow() -> None:
        begun.set()
        await asyncio.sleep(0.05)
        told.append("slow")

    async def work() -> None:
        async with db.unit_of_work() as uow:
            await uow.items.insert(1)
            uow.after_commit(slow)
            uow.after_commit(told.append, "next")

    task = asyncio.ensure_future(work())
    await begun.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == []
    await db.close()
    assert told == ["slow", "next"]
    assert failures == []


async def test_what_does_not_run_before_the_end_is_reported(connect, hooks, failures) -> None:
    db = await connect(hooks=hooks, close_timeout=0.05)

    async def forever() -> None:
        await asyncio.Event().wait()

    async def never() -> None:
        raise AssertionError

    async def work() -> None:
        async with db.unit_of_work() as uow:
            await uow.items.insert(1)
            uow.after_commit(forever)
            uow.after_commit(never)

    task = asyncio.ensure_future(work())
    while not await db.items.list():
        await asyncio.sleep(0.01)
    await db.close()
    await task  # who has committed, whatever becomes of the callbacks
    assert failures == ["forever CancelledError", "never CancelledError"]


async def test_a_callback_has_the_database_to_itself(connect, hooks, failures) -> None:
    db = await connect(hooks=hooks, pool_max=1)

    async def follow() -> None:
        async with db.unit_of_work() as uow:
            await uow.items.insert(2)
            uow.after_commit(db.items.insert, 3)

    async with db.unit_of_work() as uow:
        await uow.items.insert(1)
        uow.after_commit(follow)
        uow.after_commit(uow.items.insert, 4)
    assert [item.id for item in await db.items.list()] == [1, 2, 3]
    assert failures == ["insert UsageError"]


async def test_a_hook_that_hangs_within_the_transaction_is_undone_with_its_caller(
    db, hooks: Hooks, failures
) -> None:
    told: list[str] = []
    hooks.after_commit(Item)(lambda event: told.append("committed"))
    hooks.after_rollback(Item)(lambda event: told.append("rolled back"))

    @hooks.after_create(Item)
    async def hangs(event: Created[Item]) -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await db.items.insert(1)
    assert await db.items.list() == []
    assert told == ["rolled back"]
    assert failures == []
