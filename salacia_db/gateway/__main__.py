"""`python -m salacia_db.gateway upkeep`: what keeps a large gateway fast, once or for ever."""

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence

import salacia
from salacia_db.durations import duration
from salacia_db.gateway import upkeep
from salacia_db.gateway.upkeep import Kept, Retention
from salacia_db.runtime import SalaciaError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status: 0, 1 for a failure, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_upkeep(options))
    except SalaciaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


async def _upkeep(options: argparse.Namespace) -> None:
    retention = Retention(
        interactions=options.keep_interactions,
        requests=options.keep_requests,
        checks=options.keep_checks,
        events=options.keep_events,
    )
    async with salacia.connect(options.database_url) as db:
        if options.recount:
            print(f"figures corrected: {await upkeep.recount(db)}", flush=True)
        if options.every is None:
            _report(await upkeep.round_of(db, retention))
        else:
            await upkeep.keep_up(db, options.every, retention, _report)


def _report(kept: Kept) -> None:
    done = {name: getattr(kept, name) for name in kept.__struct_fields__}
    told = ", ".join(f"{name} {count}" for name, count in done.items() if count)
    if told:
        print(told, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m salacia_db.gateway")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    command = commands.add_parser(
        "upkeep",
        help="bring the figures up, sort new words into their index, delete what is too old",
        description="Brings the figures up to the last commit, sorts new words into their index and"
        " deletes what is older than you keep. A duration is a number and s, m, h or d: 30d.",
    )
    command.add_argument(
        "--database-url", default=os.environ.get("DATABASE_URL"), help="default: DATABASE_URL"
    )
    command.add_argument(
        "--every", type=duration, metavar="TIME", help="go on, with this pause (default: once)"
    )
    command.add_argument(
        "--recount", action="store_true", help="count all interactions anew before"
    )
    for name in ("interactions", "requests", "checks"):
        command.add_argument(
            f"--keep-{name}",
            type=duration,
            metavar="TIME",
            help=f"delete {name} older than this (default: none)",
        )
    command.add_argument(
        "--keep-events",
        type=duration,
        default=Retention().events,
        metavar="TIME",
        help="delete events of messages older than this (default: 10m)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
