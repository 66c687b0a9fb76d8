# ruff: noqa: PT012 - a unit of work raises at the end of its block
"""Units of work: begin, savepoints, commit, rollback, and what is refused."""

import asyncio
import gc
import weakref

import asyncpg
import pytest
from cutting_proxy import CuttingProxy
from items import INSERT, Database

from salacia_db.runtime import (
    ConcurrentUse,
    ForeignKeyViolation,
    PermissionDenied,
    ReadOnlyTransaction,
    SerializationFailure,
    TransactionRolledBack,
    UniqueViolation,
    UsageError,
)


async def ids(db: Database) -> list[int]:
    return [item.id for item in await db.items.list()]


def counting(proxy: CuttingProxy) -> list[bytes]:
    """What clients send from now on, one entry per write."""
    sent: list[bytes] = []
    proxy.rule = lambda data: sent.append(data)
    return sent


async def test_what_is_done_is_kept_or_not_as_a_whole(db: Database, bystander) -> None:
    async with db.unit_of_work() as uow:
        await uow.items.insert(1)
        await uow.items.insert(2)
        assert await bystander.fetchval("select count(*) from item") == 0
    assert await bystander.fetchval("select count(*) from item") == 2
    with pytest.raises(ZeroDivisionError):
        async with db.unit_of_work() as uow:
            await uow.items.insert(3)
            raise ZeroDivisionError
    assert await ids(db) == [1, 2]


async def test_an_empty_unit_sends_nothing(connect, proxy: CuttingProxy) -> None:
    db = await connect(url=proxy.url)
    sent = counting(proxy)
    async with db.unit_of_work(isolation="serializable", settings={"app.x": 1}) as uow:
        async with uow.unit_of_work():
            pass
        uow.after_commit(lambda: None)
    assert sent == []


async def test_a_unit_makes_no_needless_round_trip(connect, proxy: CuttingProxy) -> None:
    db = await connect(url=proxy.url)
    await db.items.insert(1)
    async with db.unit_of_work() as uow:  # prepares the statements
        await uow.items.insert(2)
        await uow.items.get(id=1)
    sent = counting(proxy)
    async with db.unit_of_work(settings={"app.tenant": "x"}) as uow:
        await uow.items.insert(3)
        await uow.items.get(id=1)
    # BEGIN with the settings, two statements, COMMIT: the transaction's number rode along.
    assert len(sent) == 4
    sent.clear()
    async with db.unit_of_work() as uow:
        await uow.items.get(id=1)
    assert len(sent) == 3


async def test_only_a_write_that_can_not_tell_its_number_costs_a_round_trip(
    connect, proxy: CuttingProxy
) -> None:
    db = await connect(url=proxy.url)
    for _ in range(2):
        sent = counting(proxy)
        async with db.unit_of_work() as uow:
            await uow.items.raise_all(1)
    assert len(sent) == 4
    assert any(b"COMMIT" in data for data in sent)


async def test_an_error_inside_a_nested_unit_goes_back_to_its_savepoint(db: Database) -> None:
    async with db.unit_of_work() as uow:
        await uow.items.insert(1)
        with pytest.raises(UniqueViolation):
            async with uow.unit_of_work() as inner:
                await inner.items.insert(2)
                await inner.items.insert(1)
        async with uow.savepoint():
            await uow.items.insert(3)
            async with uow.savepoint():
                await uow.items.insert(4)
        with pytest.raises(ZeroDivisionError):
            async with uow.savepoint():
                async with uow.savepoint():
                    await uow.items.insert(5)
                raise ZeroDivisionError
    assert await ids(db) == [1, 3, 4]


async def test_a_swallowed_error_rolls_back_and_says_so(db: Database) -> None:
    with pytest.raises(TransactionRolledBack, match="swallowed") as caught:
        async with db.unit_of_work() as uow:
            await uow.items.insert(1)
            with pytest.raises(UniqueViolation):
                await uow.items.insert(1)
    assert isinstance(caught.value.__cause__, UniqueViolation)
    assert await ids(db) == []


async def test_a_swallowed_error_of_raw_sql_is_found_by_the_server(db: Database) -> None:
    with pytest.raises(TransactionRolledBack):
        async with db.unit_of_work() as uow:
            await uow.items.insert(1)
            connection = await uow.connection()
            with pytest.raises(asyncpg.DivisionByZeroError):
                await connection.execute("select 1/0")
    assert await ids(db) == []


async def test_a_swallowed_error_in_a_nested_unit_undoes_only_that(db: Database) -> None:
    async with db.unit_of_work() as uow:
        await uow.items.insert(1)
        with pytest.raises(TransactionRolledBack, match="nested") as caught:
            async with uow.unit_of_work() as inner:
                await inner.items.insert(2)
                with pytest.raises(UniqueViolation):
                    await inner.items.insert(1)
        assert isinstance(caught.value.__cause__, UniqueViolation)
        await uow.items.insert(3)
    assert await ids(db) == [1, 3]


async def test_an_argument_of_the_wrong_type_does_not_spoil_the_unit(db: Database) -> None:
    async with db.unit_of_work() as uow:
        with pytest.raises(ValueError, match="doesn't fit"):
            await uow.session.fetch(INSERT, "x", "a", 1, None)
        await uow.items.insert(1)
    assert await ids(db) == [1]


async def test_isolation_and_access_mode_reach_the_server(db: Database) -> None:
    async with db.unit_of_work(isolation="serializable", read_only=True, deferrable=True) as uow:
        row = await uow.fetchrow(
            "select current_setting('transaction_isolation'), "
            "current_setting('transaction_read_only'), current_setting('transaction_deferrable')"
        )
        assert row is not None
        assert tuple(row) == ("serializable", "on", "on")
    with pytest.raises(ReadOnlyTransaction):
        async with db.unit_of_work(read_only=True) as uow:
            await uow.items.insert(1)
    with pytest.raises(UsageError, match="'read committed', 'repeatable read', 'serializable'"):
        db.unit_of_work(isolation="chaos")  # type: ignore[arg-type]


@pytest.mark.parametrize("conforming", ["on", "off"])
async def test_settings_are_local_and_can_not_be_bent(connect, conforming: str) -> None:
    db = await connect(pool_max=1)
    hostile = "a'b\\'; drop table item; --\n\U0001f600"
    setting = {"standard_conforming_strings": conforming}
    async with db.unit_of_work(settings={**setting, "app.t": hostile, "app.on": True}) as uow:
        assert await uow.fetchval("select current_setting('app.t')") == hostile
        assert await uow.fetchval("select current_setting('app.on')") == "on"
        # A second command under the changed rules for literals.
        async with uow.unit_of_work():
            assert await uow.items.list() == []
    assert not await db.fetchval("select current_setting('app.t', true)")
    path = {"search_path": "pg_catalog, public"}
    async with db.unit_of_work(settings=path) as uow:
        assert await uow.fetchval("select current_schemas(false)") == ["pg_catalog", "public"]
    for bad in ("app t", "a;b", "", "1x", "a'b"):
        with pytest.raises(UsageError, match="no name of a setting"):
            db.unit_of_work(settings={bad: "x"})
    with pytest.raises(UsageError, match="NUL"):
        async with db.unit_of_work(settings={"app.t": "a\0b"}) as uow:
            await uow.items.list()
    assert await ids(db) == []


async def test_what_begin_refuses_is_an_error_and_costs_no_connection(connect) -> None:
    db = await connect(pool_max=1)
    for _ in range(3):
        with pytest.raises(Exception, match=r"no_such_setting|unrecognized"):
            async with db.unit_of_work(settings={"no_such_setting": 1}) as uow:
                await uow.items.list()
    assert await ids(db) == []


async def test_two_tasks_in_one_unit_are_told_so(db: Database) -> None:
    async with db.unit_of_work() as uow:
        first = asyncio.ensure_future(uow.items.sleep(s=0.1))
        await asyncio.sleep(0.02)
        with pytest.raises(ConcurrentUse, match=r"test_unit_of_work\.py:\d+ is used by two tasks"):
            await uow.items.list()
        with pytest.raises(ConcurrentUse):
            async with uow.savepoint():
                pass
        await first
        await uow.items.insert(1)
    assert await ids(db) == [1]


async def test_a_unit_left_while_another_task_uses_it_is_rolled_back(connect) -> None:
    db = await connect(pool_max=1)
    with pytest.raises(ConcurrentUse):
        async with db.unit_of_work() as uow:
            await uow.items.insert(1)
            other = asyncio.ensure_future(uow.items.sleep(s=5))
            await asyncio.sleep(0.02)
    with pytest.raises(ConnectionError):
        await other
    assert await ids(db) == []


async def test_a_unit_can_not_be_used_after_its_end_or_before_its_beginning(db: Database) -> None:
    uow = db.unit_of_work()
    with pytest.raises(UsageError, match="not open"):
        await uow.items.list()
    with pytest.raises(UsageError, match="not open"):
        uow.after_commit(print)
    async with uow:
        await uow.items.list()
        inner = uow.unit_of_work()
        async with inner:
            await inner.items.list()
        with pytest.raises(UsageError, match="not open"):
            inner.after_commit(print)
    for use in (uow.items.list, uow.commit, uow.rollback):
        with pytest.raises(UsageError, match="not open"):
            await use()
    with pytest.raises(UsageError, match="only once"):
        async with uow:
            pass


async def test_a_unit_can_be_ended_early(db: Database) -> None:
    async with db.unit_of_work() as uow:
        await uow.items.insert(1)
        await uow.commit()
        with pytest.raises(UsageError, match="not open"):
            await uow.items.insert(2)
    async with db.unit_of_work() as uow:
        await uow.items.insert(3)
        await uow.rollback()
    async with db.unit_of_work() as uow:
        async with uow.unit_of_work() as inner:
            await inner.items.insert(4)
            await inner.rollback()
        await uow.items.insert(5)
    assert await ids(db) == [1, 5]


async def test_a_unit_ended_behind_its_back_says_so(db: Database) -> None:
    with pytest.raises(UsageError, match="ended by raw SQL"):
        async with db.unit_of_work() as uow:
            await uow.items.insert(1)
            await uow.execute("commit")
    assert await ids(db) == [1]


async def test_an_error_at_commit_is_the_constraints(db: Database) -> None:
    silent: list[str] = []
    with pytest.raises(ForeignKeyViolation) as caught:
        async with db.unit_of_work() as uow:
            uow.after_commit(silent.append, "committed")
            await uow.execute("insert into child values (1, 99)")
    assert caught.value.constraint == "child_item_fkey"
    assert silent == []


async def test_serialization_failures_may_be_repeated(db: Database) -> None:
    await db.items.insert(1)
    with pytest.raises(SerializationFailure) as caught:
        async with db.unit_of_work(isolation="repeatable read") as uow:
            await uow.items.list()
            await db.items.rename(1, "other")
            await uow.items.rename(1, "mine")
    assert caught.value.retry_safe
    assert caught.value.sqlstate == "40001"


async def test_callbacks_follow_the_outcome(db: Database) -> None:
    told: list[str] = []

    async def later(word: str) -> None:
        await asyncio.sleep(0)
        told.append(word)

    async with db.unit_of_work() as uow:
        uow.after_commit(later, "first")
        uow.after_rollback(told.append, "never")
        await uow.items.insert(1)
        with pytest.raises(ZeroDivisionError):
            async with uow.unit_of_work() as inner:
                inner.after_commit(told.append, "never")
                uow.after_commit(told.append, "never either")
                inner.after_rollback(told.append, "nested rolled back")
                raise ZeroDivisionError
        async with uow.unit_of_work() as inner:
            inner.after_commit(told.append, "second")
            inner.after_rollback(told.append, "never")
        assert told == ["nested rolled back"]
    assert told == ["nested rolled back", "first", "second"]
    told.clear()
    with pytest.raises(ZeroDivisionError):
        async with db.unit_of_work() as uow:
            uow.after_commit(told.append, "never")
            async with uow.unit_of_work() as inner:
                inner.after_rollback(later, word="kept, then rolled back")
            raise ZeroDivisionError
    assert told == ["kept, then rolled back"]


async def test_callbacks_run_after_the_connection_is_free(connect) -> None:
    db = await connect(pool_max=1, pool_acquire=1)
    seen: list[object] = []

    async def look() -> None:
        seen.append(await db.items.list())

    async with db.unit_of_work() as uow:
        uow.after_commit(look)
        made = await uow.items.insert(1)
    assert seen == [[made]]


async def test_a_callback_that_fails_or_hangs_harms_nobody(connect, caplog) -> None:
    db = await connect(hook_timeout=0.05)
    told: list[str] = []
    failures: list[str] = []
    db.hooks.on_error(lambda failure: failures.append(type(failure.error).__name__))

    def broken() -> None:
        raise ZeroDivisionError

    async with db.unit_of_work() as uow:
        await uow.items.insert(1)
        uow.after_commit(broken)
        uow.after_commit(asyncio.sleep, 60)
        uow.after_commit(told.append, "told")
    assert told == ["told"]
    assert failures == ["ZeroDivisionError", "TimeoutError"]
    assert "broken failed after the transaction's end" in caplog.text
    assert await ids(db) == [1]


async def test_row_level_security_goes_by_transaction_local_settings(connect, url: str) -> None:
    db = await connect(pool_max=1)
    role = f"tenant_{url.partition('?')[0][-8:]}"
    await db.execute(
        f"create role {role}; grant select on item to {role};"
        "alter table item enable row level security;"
        "create policy p on item using (name = current_setting('app.tenant'));"
        "insert into item values (1, 'a'), (2, 'b')"
    )
    try:
        for tenant, found in (("a", [1]), ("b", [2])):
            async with db.unit_of_work(settings={"role": role, "app.tenant": tenant}) as uow:
                assert [item.id for item in await uow.items.list()] == found
        with pytest.raises(PermissionDenied):
            async with db.unit_of_work(settings={"role": role}) as uow:
                await uow.items.insert(3)
        assert await ids(db) == [1, 2]
    finally:
        await db.execute(f"drop owned by {role}; drop role {role}")


@pytest.mark.parametrize("end", ["kept", "undone"])
async def test_a_unit_that_has_ended_leaves_nothing_to_the_garbage_collector(
    db: Database, end: str
) -> None:
    async def unit() -> weakref.ref[object]:
        async with db.unit_of_work() as uow:
            await uow.items.insert(1)
            async with uow.savepoint() as inner:
                await inner.items.list()
            if end == "undone":
                await uow.rollback()
        return weakref.ref(uow)

    gc.disable()
    try:
        assert (await unit())() is None
    finally:
        gc.enable()
