"""`salacia why`: a folder of queries, one per kind of reason, and what is printed of each."""

import json
import os
from pathlib import Path

import pytest

from salacia_db.checks.joins import join_before
from salacia_db.cli import main
from salacia_db.codegen.facts import SourceFile, Span

HERE = Path(__file__).parent / "why"
CASES = sorted(path.stem for path in (HERE / "cases").glob("*.sql"))
REWRITE = "SALACIA_REWRITE" in os.environ


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)


@pytest.mark.parametrize("case", CASES)
def test_what_is_printed(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`SALACIA_REWRITE=1 pytest tests/checks` writes the expected texts anew: read the diff."""
    assert main(["why", f"{case}.q"]) == 0
    printed = capsys.readouterr().out
    expected = HERE / "cases" / f"{case}.txt"
    if REWRITE:
        expected.write_text(printed, "utf-8")
    assert printed == expected.read_text("utf-8")


def test_one_column_is_told_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "a_left_join.q.name"]) == 0
    printed = capsys.readouterr().out
    assert "\nname: text, may be NULL\n" in printed
    assert "\nid:" not in printed


def test_a_whole_row_is_told_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "whole_rows.q.p"]) == 0
    printed = capsys.readouterr().out
    assert "\np.id: " in printed
    assert "\nm.id: " not in printed
    assert main(["why", "whole_rows.q.p.url"]) == 0
    assert "\np.id: " not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "a_left_jion.q",
            "error: there is no query a_left_jion.q\n  hint: did you mean a_left_join.q?",
        ),
        ("a_left_jion.q.name", "hint: did you mean a_left_join.q?"),
        ("a_left_join.q.nmae", "a_left_join.q has no column nmae"),
        ("a_left_join.q.nmae", "hint: did you mean name?"),
        ("a_deletion.q.id", "hint: it returns no rows"),
        ("nothing", "hint: name it GROUP.QUERY; the groups are a_case, "),
    ],
)
def test_a_name_that_is_not_there(
    name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", name]) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_a_query_that_is_wrong_is_told_with_its_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queries = tmp_path / "broken.sql"
    queries.write_text(
        "-- name: one :many\nselect idd from messages;\n-- name: two :many\nselect nothing;\n"
    )
    flags = ("--queries", str(queries))
    assert main(["why", "broken.one", *flags]) == 1
    error = capsys.readouterr().err
    assert 'column "idd" does not exist' in error
    assert "nothing" not in error


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "a_left_join.q.name", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "version": 1,
        "query": "a_left_join.q",
        "kind": "many",
        "file": "cases/a_left_join.sql",
        "line": 1,
        "cardinality": {
            "is": "many",
            "reason": "no unique key of messages is fixed by the conditions",
        },
        "read_only": {"is": True, "reason": None},
        "clean": {"is": True, "reason": None},
        "columns": [
            {
                "name": "name",
                "pg_type": "text",
                "nullable": True,
                "reason": "the LEFT JOIN may find no row of providers",
                "place": {
                    "file": "cases/a_left_join.sql",
                    "line": 4,
                    "column": 1,
                    "text": "left join",
                },
                "change": "add `where p.id is not null`, or use an inner join",
            }
        ],
    }


@pytest.mark.parametrize(
    ("text", "join"),
    [
        ("from a left join b on HERE", "left join"),
        ("from a left join b on ((HERE", "left join"),
        ("from a left /* x */ outer join b on HERE", "left /* x */ outer join"),
        ("from a join b on true full join c on HERE", "full join"),
        ("from a left join (b join c on true) on HERE", "left join"),
        ("from a left join b join c using (x) on HERE", "left join"),
        ("from a left join (b cross join c) on HERE", "left join"),
        ("from a left join (select distinct on (x) x from c) b on HERE", "left join"),
        ("from a left join b on x = HERE", None),
        ("from a where HERE", None),
        ("from a left join b using (x) where HERE", None),
        ('select "on", HERE', None),
    ],
)
def test_the_join_of_a_condition(text: str, join: str | None) -> None:
    file = SourceFile("q.sql", text)
    at = text.index("HERE")
    found = join_before(Span(file, at, at + 4), Span(file, 0, len(text)))
    assert (None if found is None else text[found.start : found.end]) == join
