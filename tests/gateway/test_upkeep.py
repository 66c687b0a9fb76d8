"""Upkeep: what it brings up, what it deletes and what it leaves, by function and by command."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

import salacia
from salacia_db.gateway import __main__ as command
from salacia_db.gateway import upkeep
from salacia_db.gateway.upkeep import Kept, Retention
from salacia_db.runtime import uuid7

WEEK = timedelta(days=7)


async def record(db: salacia.Database, ages: list[timedelta]) -> None:
    for age in ages:
        await db.ai_interactions.create(
            model="m", request={"prompt": "words to sort"}, created_at=datetime.now(UTC) - age
        )


async def count(db: salacia.Database, table: str) -> int:
    found: int = await db.fetchval(f"select count(*) from {table}")
    return found


async def test_a_round_brings_figures_and_words_up_and_deletes_nothing_unasked(
    db: salacia.Database,
) -> None:
    await record(db, [timedelta(0), timedelta(days=4000)])
    kept = await upkeep.round_of(db)
    assert (kept.folded, kept.interactions, kept.requests, kept.checks) == (2, 0, 0, 0)
    assert kept.words > 0
    assert await count(db, "interaction_changes") == 0
    assert await upkeep.round_of(db) == Kept()
    assert len(await db.messages.search(search="sort words")) == 2


async def test_what_is_older_than_it_is_kept_is_deleted_batch_by_batch(
    db: salacia.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 2)
    ages = [timedelta(days=days) for days in (1, 6, 8, 9, 10, 11, 12)]
    await record(db, ages)
    for age in ages:
        moment = datetime.now(UTC) - age
        await db.execute(
            "insert into health_checks (status, database_status, response_time_ms, created_at)"
            " values ('healthy', true, 1, $1)",
            moment,
        )
        old = uuid7().int & ((1 << 80) - 1) | int(moment.timestamp() * 1000) << 80
        await db.execute(
            "insert into api_requests (id, method, path, created_at) values ($1, 'GET', '/', $2)",
            type(uuid7())(int=old),
            moment,
        )
    before = await db.statistics.overview()
    keep = Retention(interactions=WEEK, checks=WEEK)
    kept = await upkeep.round_of(db, keep)
    assert (before.total, kept.interactions, kept.requests, kept.checks) == (7, 5, 0, 5)
    assert (await db.statistics.overview()).total == await count(db, "ai_interactions") == 2
    assert await count(db, "health_checks") == 2
    assert (await upkeep.round_of(db, Retention(requests=WEEK))).requests == 5
    assert await count(db, "api_requests") == 2
    spans = "interaction_summaries where minutes = 1"
    assert await count(db, spans) == 2, "spans of which nothing is left are gone"


async def test_more_than_a_batch_of_changes_is_folded(
    db: salacia.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "FOLD", 3)
    await record(db, [timedelta(0)] * 7)
    assert await upkeep.fold(db) == 7


async def test_rounds_beside_each_other_do_no_harm(db: salacia.Database) -> None:
    await record(db, [timedelta(days=n) for n in range(20)])
    rounds = [upkeep.round_of(db, Retention(interactions=WEEK)) for _ in range(4)]
    kept = await asyncio.gather(*rounds)
    assert sum(each.interactions for each in kept) == 13
    await upkeep.fold(db)
    assert (await db.statistics.overview()).total == 7
    assert await db.upkeep.recount() == 0


async def test_figures_are_counted_anew_where_triggers_were_off(db: salacia.Database) -> None:
    await record(db, [timedelta(0)])
    async with db.unit_of_work() as uow:
        await uow.execute("set local session_replication_role = replica")
        await uow.ai_interactions.create(model="unseen", request={})
    assert (await db.statistics.overview()).total == 1
    assert await upkeep.recount(db) == 1
    assert (await db.statistics.overview()).total == 2


async def test_it_goes_on_until_it_is_stopped(db: salacia.Database) -> None:
    told: list[Kept] = []
    twice = asyncio.Event()

    def report(kept: Kept) -> None:
        told.append(kept)
        if len(told) == 2:
            twice.set()

    task = asyncio.create_task(upkeep.keep_up(db, timedelta(milliseconds=1), report=report))
    await twice.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            status = command.main(["upkeep", *arguments])
        except SystemExit as error:
            status = int(error.code or 0)
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


def test_the_command_says_what_it_did(url: str, run: Run) -> None:
    async def fill() -> None:
        async with salacia.connect(url, profile="test") as db:
            await record(db, [timedelta(0), timedelta(days=40)])

    asyncio.run(fill())
    status, out, err = run("--database-url", url, "--keep-interactions", "30d", "--recount")
    assert (status, err) == (0, "")
    assert out.startswith("figures corrected: 0\nfolded")
    assert "interactions 1" in out
    assert run("--database-url", url) == (0, "", "")


@pytest.mark.parametrize("text", ["30", "0d", "soon", "1w", "1d2h", "9999999d"])
def test_a_duration_that_is_none_is_refused(text: str, run: Run) -> None:
    status, _, err = run("--keep-checks", text)
    assert status == 2
    assert "no duration such as" in err


def test_a_server_that_isn_t_there_is_told_without_a_traceback(run: Run) -> None:
    status, out, err = run("--database-url", "postgresql://u:hidden@127.0.0.1:1/none")
    assert (status, out) == (1, "")
    assert err.startswith("error: ")
    assert "hidden" not in err
    assert "Traceback" not in err
