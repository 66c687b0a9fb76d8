"""Upkeep in the background of a server: what it does, and what it says of what goes wrong."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import salacia
from salacia_db.cli import main
from salacia_db.gateway import http, upkeep
from salacia_db.gateway.housekeeping import housekeeping
from salacia_db.gateway.upkeep import Kept, Retention
from salacia_db.runtime import ConnectionFailed

OFTEN = timedelta(milliseconds=1)


class Rounds:
    """Counts rounds of upkeep; `fails` are what the next ones raise."""

    def __init__(self) -> None:
        self.count = 0
        self.fails: list[Exception | None] = []
        self.changed = asyncio.Condition()
        self.round_of = upkeep.round_of

    async def __call__(self, db: salacia.Database, retention: Retention | None = None) -> Kept:
        try:
            error = self.fails.pop(0) if self.fails else None
            if error is not None:
                raise error
            return await self.round_of(db, retention)
        finally:
            self.count += 1
            async with self.changed:
                self.changed.notify_all()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(lambda: self.count >= count)


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> Rounds:
    made = Rounds()
    monkeypatch.setattr(upkeep, "round_of", made)
    return made


@pytest.fixture
async def clerk(db: salacia.Database, url: str) -> AsyncIterator[salacia.Database]:
    """A role that may do all with the rows, but owns nothing."""
    await db.execute("drop role if exists clerk")
    await db.execute("create role clerk login")
    await db.execute("grant select, insert, update, delete on all tables in schema public to clerk")
    await db.execute("grant execute on all functions in schema public to clerk")
    async with salacia.connect(url.replace("postgres@", "clerk@"), profile="test") as made:
        yield made
    await db.execute("drop owned by clerk")
    await db.execute("drop role clerk")


async def test_an_application_keeps_the_house(
    db: salacia.Database, url: str, rounds: Rounds
) -> None:
    for age in (timedelta(0), timedelta(days=40)):
        await db.ai_interactions.create(model="m", request={}, created_at=datetime.now(UTC) - age)
    keep = Retention(interactions=timedelta(days=30))
    own = salacia.connect(url, profile="test")
    app = http.create_app(own, upkeep_every=OFTEN, retention=keep)
    async with app.router.lifespan_context(app):
        await rounds.until(2)
    assert await db.fetchval("select count(*) from ai_interactions") == 1
    assert await db.fetchval("select count(*) from interaction_changes") == 0


async def test_without_an_interval_nothing_is_kept_up(db: salacia.Database, rounds: Rounds) -> None:
    async with housekeeping(db, None):
        await db.ai_interactions.create(model="m", request={})
    assert rounds.count == 0


async def test_a_role_without_the_owners_rights_is_told_once_and_does_what_it_may(
    db: salacia.Database,
    clerk: salacia.Database,
    rounds: Rounds,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await db.ai_interactions.create(model="m", request={"prompt": "words"})
    async with housekeeping(clerk, OFTEN):
        await rounds.until(4)
    assert await db.fetchval("select count(*) from interaction_changes") == 0
    (told,) = caplog.records
    assert "as the owner" in told.getMessage()
    assert "PermissionDenied" in told.getMessage()


async def test_what_goes_wrong_is_told_until_it_is_something_else(
    db: salacia.Database, rounds: Rounds, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    away, wrong = ConnectionFailed("no connection"), ValueError("a value of somebody's")
    rounds.fails = [away, away, wrong, wrong, away, None, away]
    async with housekeeping(db, OFTEN):
        await rounds.until(9)
    told = [record.getMessage().partition(": ")[2] for record in caplog.records]
    lost = "ConnectionFailed: no connection"
    assert told == [lost, "ValueError", lost, lost]


@pytest.mark.parametrize(
    ("arguments", "every", "keep"),
    [
        ([], timedelta(seconds=60), Retention()),
        (["--upkeep-every", "0"], None, Retention()),
        (
            ["--upkeep-every", "2.5", "--keep-requests", "30d", "--keep-events", "1h"],
            timedelta(seconds=2.5),
            Retention(requests=timedelta(days=30), events=timedelta(hours=1)),
        ),
    ],
)
def test_the_command_takes_how_often_and_how_long(
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    every: timedelta | None,
    keep: Retention,
) -> None:
    served: dict[str, Any] = {}
    monkeypatch.setattr(http, "serve", lambda database, **given: served.update(given))
    assert main(["serve", "--database-url", "postgresql://nowhere/x", *arguments]) == 0
    assert (served["upkeep_every"], served["retention"]) == (every, keep)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--upkeep-every", "soon"], "'soon' is no number of seconds"),
        (["--upkeep-every", "-1"], "no number of seconds"),
        (["--keep-checks", "30"], "'30' is no duration such as"),
    ],
)
def test_what_is_none_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", *arguments])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
