"""docs/types.md: its table is that of the round trips, its example works as it is described."""

import sys
from pathlib import Path

import pytest
from cases import CASES

from salacia_db.codegen.emit.types import KNOWN

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.documents import Reader  # noqa: E402

DOCUMENT = (ROOT / "docs" / "types.md").read_text("utf-8")


def shown(text: str) -> str:
    """A type as the table shows it."""
    if "[" in text:
        return f"`{text}`".replace("|", "\\|")
    return ", ".join(f"`{part}`" for part in text.split(" | "))


def test_the_table_is_that_of_the_round_trips():
    rows = [line for line in DOCUMENT.splitlines() if line.startswith("| `")]
    expected = [
        f"| `{case.type}` | {shown(case.read)} | "
        f"{'the same' if case.given == case.read else shown(case.given)} | "
        for case in CASES
        if case.kin is None
    ]
    assert [row[: len(start)] for row, start in zip(rows, expected, strict=True)] == expected


def test_a_type_that_another_row_speaks_for_is_as_that_one():
    rows = {case.type: case for case in CASES if case.kin is None}
    for case in CASES:
        if case.kin is not None:
            row = rows[case.kin]
            assert (case.read, case.given, case.many) == (row.read, row.given, row.many)


def test_every_type_that_the_generator_knows_has_a_case():
    # What no column can be of, and SQL's words for names of pg_type.
    nowhere = {"void", "unknown", "cstring"}
    written = "smallint integer bigint boolean real".split()
    spelled = dict(zip(written, "int2 int4 int8 bool float4".split(), strict=True))
    spelled |= {"double precision": "float8", "character": "bpchar", "bit varying": "varbit"}
    plain = (case.type.partition("(")[0] for case in CASES)
    of_elements = {case.type for case in CASES if case.type.endswith("range")}
    assert {spelled.get(name, name.strip('"')) for name in plain} - of_elements == KNOWN - nowhere


def test_own_types_work_as_they_are_described(tmp_path: Path):
    Reader(tmp_path).follow(DOCUMENT)


@pytest.mark.parametrize("name", ["generator.md"])
def test_other_documents_point_here(name: str):
    assert "(types.md" in (ROOT / "docs" / name).read_text("utf-8")
