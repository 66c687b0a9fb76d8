"""`salacia generate`: write the package, or check that what is committed is current."""

import argparse
import sys
from typing import TYPE_CHECKING

from salacia_db.cli.options import Commands, add_project_flags, projects
from salacia_db.cli.uncollected import uncollected

if TYPE_CHECKING:
    from salacia_db.codegen.pipeline import Generated


def add_command(commands: Commands) -> None:
    """Add `generate` to the commands."""
    parser = commands.add_parser(
        "generate",
        help="write the typed package from SQL files and the schema",
        description="Write the typed package from SQL files and the schema.",
    )
    add_project_flags(parser)
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; print a diff and exit with 1 where the package is not current",
    )
    parser.set_defaults(run=_generate)


@uncollected()
def _generate(options: argparse.Namespace) -> int:
    from salacia_db.codegen.pipeline import generate

    loaded = projects(options)
    results = [generate(project) for project in loaded.projects]
    problems = [*loaded.problems, *(p for result in results for p in result.problems)]
    for text in dict.fromkeys(problem.render() for problem in problems):
        print(text, file=sys.stderr)
    if any(result.failed for result in results):
        count = sum(problem.severity == "error" for problem in problems)
        print(f"{count} error{'s' * (count != 1)}; nothing was written", file=sys.stderr)
        return 1
    if options.check:
        return max(_check(result.diff(), result.folder) for result in results)
    for result in results[1:]:
        result.diff()  # what stands in the way of a later one is found before the first is written
    for result in results:
        _write(result)
    return 0


def _write(result: "Generated") -> None:
    written = result.write()
    queries = f"{result.queries} quer{'y' if result.queries == 1 else 'ies'}"
    if not written:
        print(f"{result.folder}: current, {queries}")
    else:
        print(f"{result.folder}: {queries}, {len(written)} file{'s' * (len(written) != 1)} changed")


def _check(diff: str, folder: str) -> int:
    if not diff:
        print(f"{folder}: current")
        return 0
    print(diff, end="", flush=True)  # before what is said of it
    print(f"{folder} is not what `salacia generate` writes today; run it", file=sys.stderr)
    return 1
