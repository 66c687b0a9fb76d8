"""`salacia describe`: print what the generator knows, without writing anything."""

import argparse
import os
import sys
from typing import TYPE_CHECKING

import msgspec

from salacia_db.cli.failure import Failure
from salacia_db.cli.options import Commands, add_project_flags, projects
from salacia_db.cli.uncollected import uncollected
from salacia_db.codegen.problems import ProblemsError

if TYPE_CHECKING:
    from salacia_db.codegen.describe import Description, QueryDescription


def add_command(commands: Commands) -> None:
    """Add `describe` to the commands."""
    parser = commands.add_parser(
        "describe",
        help="print what the generator knows of each query",
        description="Print what the generator knows of each query; writes nothing.",
    )
    add_project_flags(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=_describe)


@uncollected()
def _describe(options: argparse.Namespace) -> int:
    from salacia_db.codegen.describe import undescribed
    from salacia_db.codegen.pipeline import description

    linger = _linger()
    try:
        loaded = projects(options)
        found, problems = description(loaded.projects, loaded.problems, linger=linger)
    except ProblemsError as error:
        # An editor that asked for JSON reads the problems of the settings there, too.
        found, problems = undescribed(error.problems), error.problems
    if options.format == "json":
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    else:
        print(_text(found), flush=True)
        for problem in problems:
            print(problem.render(), file=sys.stderr)
    return int(any(problem.severity == "error" for problem in problems))


def _linger() -> float:
    """For how many seconds a server may stay for the next question."""
    given = os.environ.get("SALACIA_LINGER", "300")
    if not given.isdecimal():
        raise Failure(
            f"SALACIA_LINGER is {given!r}, which is no number of seconds\n"
            "  hint: 0 leaves no server behind; without it one stays for 300"
        )
    return float(given)


def _text(found: "Description") -> str:
    return "\n\n".join(_query(query) for query in found.queries)


def _query(query: "QueryDescription") -> str:
    lines = [f"{query.group}.{query.name} :{query.kind}  ({query.file}:{query.line})"]
    effect = "reads only" if query.read_only else "writes " + (", ".join(query.writes) or "?")
    lines.append(f"  {_ROWS[query.cardinality]}, {effect}")
    for parameter in query.params:
        optional = ", may be left out" if parameter.optional else ""
        lines.append(f"  :{parameter.name}  {parameter.py_type}  ({parameter.pg_type}{optional})")
    for column in query.columns:
        origin = "" if column.table is None else f" from {column.table}.{column.column}"
        lines.append(f"  -> {column.name}  {column.py_type}  ({column.pg_type}{origin})")
    return "\n".join(lines)


_ROWS = {"none": "no rows", "one": "one row", "optional": "at most one row", "many": "rows"}
