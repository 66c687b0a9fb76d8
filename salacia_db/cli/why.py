"""`salacia why`: print what is proven of a query, by what, and what would change it."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from salacia_db.cli.options import Commands, add_project_flags, projects

if TYPE_CHECKING:
    from salacia_db.checks.why import ColumnReason, Explanation
    from salacia_db.codegen.facts import Span

_ROWS = {
    "none": "returns no rows; of how many it changes",
    "one": "one row",
    "optional": "one row at most",
    "many": "many rows",
}


def add_command(commands: Commands) -> None:
    """Add `why` to the commands."""
    parser = commands.add_parser(
        "why",
        help="print why a column may be NULL, or can't be, and what would change it",
        description="Print what is proven of a query and of its columns: the proof, or the reason "
        "that there is none, its place in the SQL, and what would change it.",
    )
    parser.add_argument("name", metavar="GROUP.QUERY[.COLUMN]", help="titles.by_shelf.pages")
    add_project_flags(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=_why)


def _why(options: argparse.Namespace) -> int:
    from salacia_db.checks.why import explain
    from salacia_db.codegen.problems import ProblemsError, printable

    loaded = projects(options)
    if any(problem.severity == "error" for problem in loaded.problems):
        raise ProblemsError(*loaded.problems)
    found = explain(loaded.projects, options.name)
    if options.format == "json":
        encoded = msgspec.json.encode(_json(found))
        sys.stdout.buffer.write(msgspec.json.format(encoded, indent=2) + b"\n")
    else:
        print(printable(_text(found)))
    return 0


def _text(found: "Explanation") -> str:
    file, line, _ = _at(found.place)
    writes = "reads only" if found.writes is None else f"writes, or may write: {found.writes}"
    clean = "leaves the session as it was"
    lines = [
        f"{found.name} :{found.kind}  ({file}:{line})",
        f"  {_ROWS[found.cardinality]}{found.rows and ': '}{found.rows}",
        f"  {writes}",
        f"  {clean if found.session is None else 'may change the session: ' + found.session}",
    ]
    for column in found.columns:
        lines += ["", *_column(column)]
    return "\n".join(lines)


def _column(column: "ColumnReason") -> list[str]:
    from salacia_db.codegen.problems import excerpt

    verdict = "may be NULL" if column.nullable else "never NULL"
    lines = [f"{column.name}: {column.pg_type}, {verdict}"]
    at = ""
    if column.place is not None:
        at = "{}:{}:{}: ".format(*_at(column.place))
    lines.append(f"  {at}{column.reason}")
    if column.place is not None:
        lines += excerpt(column.place)
    if column.change is not None:
        lines.append(f"  to change it: {column.change}")
    return lines


def _at(place: "Span") -> tuple[str, int, int]:
    from salacia_db.codegen.problems import position

    return position(place)


def _json(found: "Explanation") -> dict[str, Any]:
    """The same as text, a public contract: fields may be added, never changed or removed."""
    file, line, _ = _at(found.place)
    return {
        "version": 1,
        "query": found.name,
        "kind": found.kind,
        "file": file,
        "line": line,
        "cardinality": {"is": found.cardinality, "reason": found.rows},
        "read_only": {"is": found.writes is None, "reason": found.writes},
        "clean": {"is": found.session is None, "reason": found.session},
        "columns": [
            {
                "name": column.name,
                "pg_type": column.pg_type,
                "nullable": column.nullable,
                "reason": column.reason,
                "place": None if column.place is None else _place(column.place),
                "change": column.change,
            }
            for column in found.columns
        ],
    }


def _place(place: "Span") -> dict[str, Any]:
    file, line, column = _at(place)
    text = place.file.text[place.start : place.end]
    return {"file": file, "line": line, "column": column, "text": text}
