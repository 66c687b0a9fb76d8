"""`./scripts/faults`: what it prints and writes, and how it ends."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from faults import __main__ as command
from faults.bench import Found
from faults.clients import Salacia
from faults.report import LETTERS, Line, as_json, as_row, write_into
from faults.scenario import SCENARIOS

ROOT = Path(__file__).parents[2]
NONE = dict.fromkeys(LETTERS, 0)


class Counts(Struct):
    """What `--json` promises of each library."""

    attempts: int
    violations: dict[str, int]
    recovery_s: float | None


class Object(Counts):
    """What `--json` promises of each scenario."""

    scenario: str
    asyncpg: Counts | None


def faults(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "faults", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "tests"},
        capture_output=True,
        text=True,
    )


def test_what_was_found_is_printed_and_written(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    names = ("commit-cut-after", "batch-bad-row")
    done = faults("--quick", "--only", *names, "--json", str(file))
    assert done.returncode == 0, done.stderr
    first, second = msgspec.json.decode(file.read_bytes(), type=list[Object])
    assert (first.scenario, second.scenario) == names
    assert first.violations == second.violations == NONE
    assert first.asyncpg is not None
    assert first.asyncpg.violations["C"] == first.asyncpg.attempts == 20
    assert second.asyncpg is None
    head, _, *rows = done.stdout.splitlines()
    assert head.startswith("| scenario | attempts | A | B | C | P | S | D | L | K |")
    assert [row.split(" | ")[0] for row in rows] == [f"| {SCENARIOS[name].title}" for name in names]
    assert " | C 20 | " in rows[0]


def test_scenarios_are_listed() -> None:
    done = faults("--list")
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(SCENARIOS)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    done = faults("--only", "comit-cut-after")
    assert done.returncode == 2
    assert "did you mean commit-cut-after?" in done.stderr


def found(**violations: int) -> Found:
    return Found(10, {**NONE, **violations}, 0.5, {"committed": 10})


def line(name: str = "commit-cut-after", **what: object) -> Line:
    return Line(SCENARIOS[name], **what)  # type: ignore[arg-type]


def test_what_was_not_run_is_never_shown_as_passed() -> None:
    lines = [line(not_run="pgbouncer not found"), line(broken=True)]
    rows = [as_row(line) for line in lines]
    assert [row.split(" | ")[1] for row in rows] == ["not run"] * 2
    assert "pgbouncer not found" in rows[0]
    for each in msgspec.json.decode(as_json(lines)):
        assert "violations" not in each
        assert each["not_run"]


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([line(salacia=found())], 0),
        ([line(salacia=found(), asyncpg=found(C=3))], 0),
        ([line(salacia=found()), line(salacia=found(D=1))], 1),
        ([line(not_run="no tool")], 0),
        ([line(broken=True)], 1),
    ],
)
def test_the_exit_status_tells_of_violations(
    monkeypatch: pytest.MonkeyPatch, lines: list[Line], status: int
) -> None:
    left = iter(lines)
    monkeypatch.setattr(
        sys, "argv", ["faults", "--quick", "--only", *["commit-cut-after"] * len(lines)]
    )
    monkeypatch.setattr(command, "examine", lambda scenario, *, quick: next(left))
    assert command.main() == status


def test_a_scenario_that_breaks_down_costs_nobody_else_a_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(*_: object, quick: bool) -> Found:
        raise RuntimeError("the scenario's own mistake")

    monkeypatch.setattr(command, "run", broken)
    assert command.examine(SCENARIOS["commit-cut-after"], quick=True).broken


def test_a_missing_program_is_named() -> None:
    scenario = msgspec.structs.replace(
        SCENARIOS["commit-cut-after"], programs=("no-such-program", "sh"), against=(Salacia,)
    )
    told = command.examine(scenario, quick=True)
    assert told.not_run == "no-such-program not found"
    assert told.salacia is None


def test_the_table_goes_between_its_markers(tmp_path: Path) -> None:
    file = tmp_path / "faults.md"
    file.write_text("# A\n\n<!-- faults: begin -->\nold\n<!-- faults: end -->\n\nB\n")
    write_into(file, "| new |\n")
    assert file.read_text() == (
        "# A\n\n<!-- faults: begin -->\n| new |\n<!-- faults: end -->\n\nB\n"
    )
    file.write_text("# A\n")
    with pytest.raises(ValueError, match="faults: begin"):
        write_into(file, "")


def test_a_soak_tells_what_accumulates() -> None:
    done = faults("--soak", "0.05")
    assert done.returncode == 0, done.stdout + done.stderr
    head, _, first, last, _, attempts, violations = done.stdout.splitlines()
    assert head.startswith("| minutes | attempts | violations | memory | tasks | sessions |")
    assert first.startswith("| 0.0 | 0 | 0 | ")
    assert "committed" in attempts
    assert violations == "violations: " + ", ".join(f"0 {letter}" for letter in LETTERS)
    assert last.split(" | ")[2] == "0"
