# ruff: noqa: ASYNC110 - the server is waited for
"""The end of a process in the middle of its work: what was acknowledged is there."""

import asyncio
import signal
import sys
from pathlib import Path

import asyncpg
import pytest
from interrupted import Interrupted
from items import Database

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


async def served(url: str, ending: signal.Signals, *, handled: bool) -> tuple[list[list[str]], int]:
    """The lines of a program that was ended in the middle of its work, and its exit status."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(HERE / "batching_program.py"), url, str(int(handled))),
        env={"PYTHONPATH": f"{ROOT}:{HERE}", "PATH": ""},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines: list[list[str]] = []
    async with asyncio.timeout(60):
        while {line[0] for line in lines} < {"batch", "unit", "bulk", "copy"} or len(lines) < 200:
            lines.append((await process.stdout.readline()).decode().split())
        process.send_signal(ending)
        lines += [line.split() for line in (await process.stdout.read()).decode().splitlines()]
        return lines, await process.wait()


async def there(bystander: asyncpg.Connection) -> set[int]:
    """What the table holds, once the process's sessions are gone."""
    gone = "select count(*) = 0 from pg_stat_activity where application_name = 'salacia_db'"
    gone += " and datname = current_database()"
    async with asyncio.timeout(30):
        while not await bystander.fetchval(gone):
            await asyncio.sleep(0.05)
    return {row[0] for row in await bystander.fetch("select id from item")}


def whole(lines: list[list[str]], found: set[int]) -> bool:
    """Whether each acknowledged call is there with all that it wrote."""
    return all(int(number) in found for _, *numbers in lines for number in numbers)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
async def test_a_process_that_is_killed_has_lost_nothing_acknowledged(
    url: str, bystander, ending: signal.Signals
) -> None:
    lines, status = await served(url, ending, handled=False)
    assert status == -ending
    assert whole([line for line in lines if line[1:]], await there(bystander))


async def test_a_database_that_closes_at_sigterm_answers_everybody(url: str, bystander) -> None:
    lines, status = await served(url, signal.SIGTERM, handled=True)
    assert status == 0
    assert lines.pop() == ["closed"]
    found = await there(bystander)
    assert whole(lines, found)
    # Nothing is there, either, of which nobody was told.
    assert {int(number) for _, *numbers in lines for number in numbers} == found


@pytest.mark.parametrize("again", [False, True], ids=["once", "again and again"])
async def test_a_close_that_is_cancelled_anywhere_leaves_nothing(
    url: str, bystander, again: bool
) -> None:
    at = 0
    while True:
        db = await Database(url, close_timeout=0.1).open()
        begun, ended = asyncio.Event(), asyncio.Event()

        async def never(begun: asyncio.Event = begun, ended: asyncio.Event = ended) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        unit = asyncio.ensure_future(_unit(db, at, never))
        await begun.wait()
        unit.cancel()
        # Its session ends with the statement: a closed connection ends none.
        in_use = asyncio.ensure_future(db.items.sleep(s=0.3))
        await asyncio.sleep(0)
        work = Interrupted(db.close(), set(range(at, at + 20)) if again else {at})
        await asyncio.gather(_awaited(work), unit, in_use, return_exceptions=True)
        assert await there(bystander) == set(range(at + 1))
        async with asyncio.timeout(10):
            await ended.wait()
        if work.suspensions <= at:
            break
        at += 1
    assert at > 1


async def _unit(db: Database, id: int, hook: object) -> None:
    async with db.unit_of_work() as uow:
        await uow.items.insert(id)
        uow.after_commit(hook)


async def _awaited(work: Interrupted) -> object:
    return await work
