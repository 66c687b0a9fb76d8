"""The `salacia` command."""

import argparse
import os
import sys
from collections.abc import Sequence

from salacia_db.cli import describe, generate, migrate, scaffold, serve, server, why
from salacia_db.cli.failure import Failure, failure_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status: 0, 1 for a failure, 2 for wrong usage.

    A user's mistake is told on standard error without a traceback; `SALACIA_DEBUG=1` shows it.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (`| head`) has gone; Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        failure = failure_of(error)
        if failure is None or os.environ.get("SALACIA_DEBUG"):
            raise
        print(failure, file=sys.stderr)
        return 1


class _Version(argparse.Action):
    """Prints the version. Looking it up takes as long as all else that every command imports."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(version("salacia-db"))
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="salacia",
        description="Write SQL, get a typed, fast, dependable Python API for PostgreSQL.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in (generate, scaffold, describe, why, migrate, server, serve):
        module.add_command(commands)
    return parser


__all__ = ["Failure", "main"]
