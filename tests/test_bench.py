"""The benchmark, as short as it can be: what it writes, and that it compares before it measures."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from salacia_db.postgres.scratch import scratch_server

ROOT = Path(__file__).parents[1]
CONTENDERS = {"salacia", "salacia-again", "asyncpg", "asyncpg-tuned"}
TASKS = {"W1": {1, 32}, "H1": {1}}


class Spread(Struct, forbid_unknown_fields=True):
    median: float
    q1: float
    q3: float


class Figure(Struct, forbid_unknown_fields=True):
    """What `--json` promises for each workload, number of tasks and contender."""

    workload: str
    tasks: int
    contender: str
    ops_per_s: Spread
    client_cpu_us: Spread
    round_trips: float
    vs_tuned: Spread | None
    vs_written: Spread | None


def bench(*options: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """The benchmark on this process's scratch server, in this environment, with few rows."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "benchmark", "--url", scratch_server().url()),
            *("--rows", "1200", "--rounds", "1", "--seconds", "0.02", *options),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "scripts"), path])},
        capture_output=True,
        text=True,
    )


def test_a_short_run_writes_every_figure(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    (tmp_path / "benchmark.md").write_text("# Before\n")
    chosen = ("--workloads", ",".join(TASKS), "--contenders", ",".join(CONTENDERS))
    done = bench(*chosen, "--json", str(file), "--docs", str(tmp_path))
    assert done.returncode == 0, done.stderr

    figures = msgspec.json.decode(file.read_bytes(), type=list[Figure])
    measured = [(each.workload, each.tasks, each.contender) for each in figures]
    assert len(measured) == len(set(measured))
    assert set(measured) == {
        (workload, tasks, contender)
        for workload, numbers in TASKS.items()
        for tasks in numbers
        for contender in CONTENDERS
    }
    for each in figures:
        for spread in (each.ops_per_s, each.client_cpu_us, each.vs_tuned, each.vs_written):
            assert spread is not None
            assert 0 < spread.q1 <= spread.median <= spread.q3
    trips = {(each.workload, each.contender): each.round_trips for each in figures}
    assert trips["W1", "asyncpg-tuned"] == trips["W1", "salacia"] == 1
    assert trips["W1", "asyncpg"] == 2, "the pool resets each connection"
    assert trips["H1", "salacia"] == 3, "BEGIN, UPDATE, COMMIT"

    page = (tmp_path / "benchmark.md").read_text("utf-8")
    assert page.startswith("# Before\n")
    assert "The machine's load average was" in page
    assert "| asyncpg tuned by hand |" in page
    assert done.stdout.strip() in page


def test_results_that_differ_end_it_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import asyncpg\n"
        "fetchrow = asyncpg.Pool.fetchrow\n"
        "async def wrong(pool, sql, *args):\n"
        "    return {**await fetchrow(pool, sql, *args), 'model': 'another'}\n"
        "asyncpg.Pool.fetchrow = wrong\n"
    )
    file = tmp_path / "figures.json"
    chosen = ("--workloads", "W1", "--contenders", "salacia,asyncpg", "--json", str(file))
    done = bench(*chosen, path=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith(
        "bench: W1 (get one row by key): asyncpg as people write it gives something else than "
        "salacia_db\n"
    )
    assert not file.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--workloads", "W1,W77"), "there is no workload 'W77'; there are W1, W2, "),
        (("--contenders", "salaica"), "there is no contender 'salaica'; there are salacia, "),
        (("--contenders", "sequelize"), "Sequelize 6 is not installed here: give --node"),
    ],
)
def test_what_cannot_be_chosen_is_told(options: tuple[str, ...], message: str) -> None:
    done = bench(*options)
    assert done.returncode == 1
    assert done.stderr.startswith(f"bench: {message}")
