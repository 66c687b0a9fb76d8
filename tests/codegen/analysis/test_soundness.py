"""A short run of the fuzzer; `python -m tests.codegen.analysis.soundness` makes longer ones."""

from tests.codegen.analysis.fuzz.weakenings import WEAKENED, weakened
from tests.codegen.analysis.soundness import Fuzzer


def test_no_proof_is_refuted_by_random_statements(databases):
    with databases.database() as url:
        report = Fuzzer(url, seed=11).run(300)
    assert report.violations == []
    assert report.columns > 150, report
    assert report.proven > 60, report
    assert report.refused < 30, report


def test_the_fuzzer_notices_rules_that_are_wrong(databases):
    # Those that it catches soonest; `--weaken` tries all of them.
    quick = ("outer joins never miss", "subqueries find exactly one row", "tables hold no NULL")
    for name in quick:
        assert name in WEAKENED
        with databases.database() as url, weakened(name):
            assert Fuzzer(url, seed=3, first=True).run(300).violations, name
