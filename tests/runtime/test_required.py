"""A database that requires settings sends nothing without them."""

from typing import Any

import pytest
from cutting_proxy import CuttingProxy
from items import Database, Item

from salacia_db.runtime import ConfigurationError, Statement, UsageError

TENANT = Statement("tenant", "select current_setting('app.tenant')", read_only=True, clean=True)


@pytest.fixture
async def db(connect, proxy: CuttingProxy) -> Database:
    made: Database = await connect(url=proxy.url, require_settings=("app.tenant", "app.user"))
    return made


@pytest.mark.parametrize(
    "call",
    [
        lambda db: db.items.get(id=1),
        lambda db: db.items.must_get(id=1),
        lambda db: db.items.list(),
        lambda db: db.items.insert(1),
        lambda db: db.items.add(1),
        lambda db: db.items.insert_many([(1, "a", 1, None)]),
        lambda db: db.items.add_many([]),
        lambda db: db.items.copy([]),
        lambda db: db.session.copy_out(TENANT, (), "file.csv"),
        lambda db: db.session.batched.fetchrow(TENANT),
        lambda db: db.fetch("select 1"),
        lambda db: db.fetchrow("select 1"),
        lambda db: db.fetchval("select 1"),
        lambda db: db.execute("select 1"),
        lambda db: anext(db.items.stream().chunks()),
        lambda db: use(db.unit_of_work()),
        lambda db: use(db.unit_of_work(settings={"app.tenant": 1})),
        lambda db: use(db.unit_of_work(settings={"app.tenant": "", "app.user": 1})),
        lambda db: use(db.unit_of_work(defer_begin=True)),
        lambda db: db.run(use, settings={"app.user": 1}),
    ],
)
async def test_without_them_nothing_is_sent(db: Database, proxy: CuttingProxy, call) -> None:
    sent: list[bytes] = []
    proxy.rule = lambda data: sent.append(data)
    with pytest.raises(UsageError, match="needs settings that only") as caught:
        await call(db)
    assert "unit_of_work(settings={'app." in str(caught.value)
    assert sent == []


async def use(unit) -> None:
    async with unit as uow:
        await uow.items.list()


async def test_a_unit_that_gives_them_runs(db: Database) -> None:
    given = {"app.tenant": "one", "App.User": 0}
    async with db.unit_of_work(settings=given) as uow:
        await uow.items.insert(1)
        assert await uow.session.fetchval(TENANT) == "one"
        async with uow.unit_of_work() as inner:
            assert await inner.session.fetchval(TENANT) == "one"
        assert [item async for item in uow.items.stream()] == [Item(1, "item 1", 0, None)]
    assert await db.run(lambda uow: uow.items.get(id=1), settings=given) is not None


async def test_the_message_names_the_statement_and_what_is_missing(db: Database) -> None:
    with pytest.raises(UsageError, match=r"^items\.list: .*'app\.tenant': …, 'app\.user': …"):
        await db.items.list()
    with pytest.raises(UsageError) as caught:
        db.unit_of_work(settings={"app.tenant": 7})
    assert "app.user" in str(caught.value)
    assert "app.tenant" not in str(caught.value)


async def test_none_is_nobodys_name(db: Database) -> None:
    nobody: Any = {"app.tenant": None, "app.user": 1}
    with pytest.raises(UsageError, match=r"the setting 'app\.tenant' is None"):
        db.unit_of_work(settings=nobody)


def test_names_that_can_be_none_are_refused() -> None:
    for wrong in (("app tenant",), ("",), "app.tenant", (7,)):
        with pytest.raises(ConfigurationError):
            Database("postgresql://", require_settings=wrong)  # type: ignore[arg-type]
