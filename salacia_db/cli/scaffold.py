"""`salacia scaffold`: write a query file with the usual statements of a table."""

import argparse
import sys
from typing import TYPE_CHECKING

from salacia_db.cli.failure import Failure
from salacia_db.cli.options import Commands, add_project_flags, projects

if TYPE_CHECKING:
    from salacia_db.codegen.scaffold import Draft


def add_command(commands: Commands) -> None:
    """Add `scaffold` to the commands."""
    parser = commands.add_parser(
        "scaffold",
        help="write a query file with the usual statements of a table",
        description="Write a query file with the usual statements of a table (get, a list in "
        "pages, create, update and the like), for you to own. A file that exists is left alone.",
    )
    parser.add_argument("table", metavar="TABLE", nargs="+", help="tables or views: books")
    add_project_flags(parser)
    parser.add_argument("--stdout", action="store_true", help="print it, and write nothing")
    parser.set_defaults(run=_scaffold)


def _scaffold(options: argparse.Namespace) -> int:
    from salacia_db.codegen.problems import ProblemsError
    from salacia_db.codegen.scaffold import drafts

    loaded = projects(options)
    if any(problem.severity == "error" for problem in loaded.problems):
        raise ProblemsError(*loaded.problems)
    found = drafts(loaded.projects[0], options.table)
    if options.stdout:
        sys.stdout.write("\n".join(draft.text for draft in found))
        return 0
    _refuse([draft.shown for draft in found if draft.path.exists() or draft.path.is_symlink()])
    for draft in found:
        _write(draft)
        print(f"{draft.shown}: {', '.join(draft.names)}")
    return 0


def _write(draft: "Draft") -> None:
    draft.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with draft.path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(draft.text)
    except FileExistsError:
        _refuse([draft.shown])


def _refuse(existing: list[str]) -> None:
    if existing:
        raise Failure(
            f"{', '.join(existing)}: there already, and yours; nothing was written\n"
            "  hint: --stdout prints what would stand there"
        )
