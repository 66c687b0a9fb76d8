"""The database as a whole: opening, the embedded server, and what generated code builds on."""

import asyncio

import pytest
from items import Database, Items, UnitOfWork

import salacia_db.postgres
from salacia_db.config import EMBEDDED_DATABASE
from salacia_db.runtime import ConfigurationError, ConnectionFailed, Hooks


async def test_groups_belong_to_their_session(connect) -> None:
    db = await connect()
    assert isinstance(db.items, Items)
    assert db.items is db.items
    async with db.unit_of_work() as uow:
        assert isinstance(uow, UnitOfWork)
        assert uow.items is uow.items
        async with uow.unit_of_work() as inner:
            assert isinstance(inner, UnitOfWork)


@pytest.mark.parametrize("profile", ["development", "test", "production"])
def test_without_a_url_nothing_is_made_or_started(profile, monkeypatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(salacia_db.postgres, "embedded_url", lambda *a: started.append("x"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        Database(profile=profile)
    assert started == []


async def test_the_embedded_server_is_started_when_it_is_asked_for(url: str, monkeypatch) -> None:
    asked: list[tuple[str, str]] = []

    def start(embedded: str, database: str) -> str:
        asked.append((embedded, database))
        return url

    monkeypatch.setattr(salacia_db.postgres, "embedded_url", start)
    monkeypatch.setenv("DATABASE_URL", "embedded:")
    db = Database()
    assert asked == []
    async with db:
        assert await db.items.list() == []
    assert asked == [("embedded:", EMBEDDED_DATABASE)]


async def test_an_embedded_server_that_does_not_start_is_a_connection_failed(monkeypatch) -> None:
    def fail(embedded: str, database: str) -> str:
        raise salacia_db.postgres.PostgresError("no binaries", "install them")

    monkeypatch.setattr(salacia_db.postgres, "embedded_url", fail)
    with pytest.raises(ConnectionFailed, match="no embedded server: no binaries\n  hint: install"):
        await Database("embedded:").open()


async def test_close_waits_for_hooks_in_the_background(url: str) -> None:
    told: list[str] = []
    db = await Database(url, hooks=Hooks(), close_timeout=5).open()

    async def later() -> None:
        begun.set()
        await asyncio.sleep(0.1)
        await db.items.list()
        told.append("told")

    async def work() -> None:
        async with db.unit_of_work() as uow:
            uow.after_commit(later)
            await uow.items.insert(1)

    begun = asyncio.Event()
    task = asyncio.ensure_future(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == []
    await db.close()
    assert told == ["told"]


async def test_the_server_sees_the_name_of_the_application(connect, bystander) -> None:
    await connect(application_name="shop")
    names = "select application_name from pg_stat_activity where datname = current_database()"
    assert "shop" in {row[0] for row in await bystander.fetch(names)}
