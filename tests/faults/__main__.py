"""The fault bench: breaks things on purpose, and counts what is lost.

Each scenario runs against salacia_db and, with the same callers, against raw asyncpg. Printed is a
table of violations of the invariants:

  A  every acknowledged commit is in the database
  B  nothing is reported committed that is not there
  C  an outcome that can't be known is raised as such, and can be found out later
  P  the pool lends all its connections at once again within 5 s, unaided
  S  at most as many server sessions as the pool has, none idle in a transaction
  D  the caller returns by its deadline + 250 ms at p99.9, never later than 1 s
  L  no session state crosses from one borrower to the next
  K  after-commit hooks ran if and only if the commit is certain

The exit status is 1 where salacia_db breaks one or a scenario itself breaks down, 2 where the
command is used wrongly.
"""

import argparse
import asyncio
import logging
import sys
import traceback
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import faults.scenarios  # noqa: F401 - registers them
from faults.clients import Asyncpg, Salacia
from faults.report import HEAD, Line, as_json, as_row, write_into
from faults.scenario import SCENARIOS, NotRun, Scenario, run
from faults.soak import soak

T = TypeVar("T")
DOCS = Path(__file__).parents[2] / "docs" / "faults.md"


def main() -> int:
    """Runs what was asked for."""
    options = _options()
    if options.list:
        for each in SCENARIOS.values():
            lacking = each.lacking()
            print(f"{each.name:28} {each.title}{f' (not run: {lacking})' if lacking else ''}")
        return 0
    with _quiet():
        if options.soak is not None:
            return int(asyncio.run(soak(options.soak)))
        return _examine_all(options)


@contextmanager
def _quiet() -> Generator[None]:
    """The loggers report what they met; the table says it."""
    names = ("asyncpg", "salacia_db.hooks", "salacia_db.pool")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _examine_all(options: argparse.Namespace) -> int:
    chosen = [SCENARIOS[name] for name in options.only] or list(SCENARIOS.values())
    lines = []
    print(HEAD, end="", flush=True)
    for each in chosen:
        lines.append(examine(each, quick=options.quick))
        print(as_row(lines[-1]), end="", flush=True)
        print(_progress(lines[-1]), file=sys.stderr, flush=True)
    if options.json is not None:
        options.json.write_bytes(as_json(lines))
    if options.docs or (options.docs is None and not options.only and not options.quick):
        write_into(DOCS, HEAD + "".join(map(as_row, lines)))
    return int(any(line.violated or line.broken for line in lines))


def examine(scenario: Scenario, *, quick: bool) -> Line:
    """Runs a scenario against each library."""
    line = Line(scenario)
    try:
        line.salacia = asyncio.run(run(scenario, Salacia, quick=quick))
        if Asyncpg in scenario.against:
            line.asyncpg = asyncio.run(quietly(run(scenario, Asyncpg, quick=quick)))
    except NotRun as reason:
        line.not_run = str(reason)
    except Exception:
        # A scenario that is itself broken is no reason to lose what the others found.
        traceback.print_exc()
        line.broken = True
    return line


async def quietly(work: Coroutine[Any, Any, T]) -> T:
    """Without asyncio's reports of exceptions that nobody has retrieved."""
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    return await work


def _progress(line: Line) -> str:
    if line.broken:
        return f"{line.scenario.name}: broke down"
    if line.salacia is None:
        return f"{line.scenario.name}: not run: {line.not_run}"
    told = ", ".join(f"{count} {what}" for what, count in sorted(line.salacia.told.items()))
    broken = [f"{letter} {count}" for letter, count in line.salacia.violations.items() if count]
    return f"{line.scenario.name}: {told}; {', '.join(broken) or 'no violation'}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these scenarios")
    parser.add_argument("--list", action="store_true", help="name the scenarios, run none")
    parser.add_argument("--quick", action="store_true", help="fewer attempts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found to a file")
    parser.add_argument(
        "--docs",
        action=argparse.BooleanOptionalAction,
        help="write the table to docs/faults.md; so it is where all scenarios ran in full",
    )
    parser.add_argument(
        "--soak", type=float, metavar="MINUTES", help="salacia_db under changing faults, so long"
    )
    options = parser.parse_args()
    for name in options.only:
        if name not in SCENARIOS:
            close = get_close_matches(name, SCENARIOS, n=1)
            meant = f"did you mean {close[0]}?" if close else "--list names them"
            parser.error(f"no scenario is called {name!r}: {meant}")
    return options


if __name__ == "__main__":
    sys.exit(main())
