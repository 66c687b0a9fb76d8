"""A short run of the fuzzer; `python -m tests.codegen.analysis.soundness` makes longer ones."""

from pathlib import Path

import pytest

from salacia_db.codegen.analysis.server import Server
from tests.codegen.analysis.fuzz.cases import FOUND, Case, read, refuted, shrink, write
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


@pytest.mark.parametrize("folder", sorted(FOUND.iterdir()), ids=lambda folder: folder.name)
def test_what_once_refuted_a_claim_refutes_none(folder: Path, databases):
    case = read(folder)
    with databases.database() as url:
        assert refuted(case, url) == []
        with Server(url) as server:
            newest = server.version >= 180000  # others refuse some of the cases
        if case.rule and newest:  # it stands for a rule made wrong on purpose, which it shows
            with weakened(case.rule):
                assert refuted(case, url) != []


def test_a_case_is_made_as_small_as_it_can_be(databases, tmp_path):
    rule = "outer joins never miss"
    case = Case(
        schema=("create table a (x int not null)", "create table b (y int)", "create type m"),
        data=("insert into b values (7)", "insert into a values (1)", "insert into b values (8)"),
        sql="select b.y as o0, (coalesce('x'::text, $1::text)) as o1, (a.x) as o2"
        " from b left join a on a.x = b.y and true where b.y > 1 order by 1",
        arguments=("z",),
        rule=rule,
    )
    with databases.database() as url:
        assert refuted(case, url) == []
        with weakened(rule):
            small = shrink(case, url)
    assert len(small.schema) == 2
    assert len(small.data) == 1
    assert small.sql == "select x from b left join a on x = y"
    write(small, tmp_path / "case")
    assert read(tmp_path / "case") == small
