"""The quick selection: each scenario, and no invariant broken."""

import pytest

import faults.scenarios  # noqa: F401 - registers them
from faults.clients import Asyncpg, Salacia
from faults.scenario import SCENARIOS, NotRun, Scenario, run

QUICK = [each for each in SCENARIOS.values() if each.ci]


@pytest.mark.parametrize("scenario", QUICK, ids=lambda each: each.name)
async def test_nothing_is_lost(scenario: Scenario) -> None:
    try:
        found = await run(scenario, Salacia, quick=True)
    except NotRun as reason:
        pytest.skip(str(reason))
    assert found.attempts > 0
    # How long a call takes is the command's to judge, on a quiet machine; here it must only end.
    broken = {letter: n for letter, n in found.violations.items() if n and letter != "D"}
    assert broken == {}
    assert "hung" not in found.told


async def test_what_a_library_loses_is_counted() -> None:
    found = await run(SCENARIOS["swallowed-error"], Asyncpg, quick=True)
    assert {letter: n for letter, n in found.violations.items() if n} == dict.fromkeys("ABK", 20)
    found = await run(SCENARIOS["commit-cut-after"], Asyncpg, quick=True)
    assert {letter: n for letter, n in found.violations.items() if n} == {"C": 20}
