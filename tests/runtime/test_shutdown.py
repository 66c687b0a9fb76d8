# ruff: noqa: ASYNC110 - the server is waited for
"""The end of a process in the middle of its work: what was acknowledged is there."""

import asyncio
import signal
import sys
from pathlib import Path

import asyncpg
import pytest

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
