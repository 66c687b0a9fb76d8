"""`salacia serve`: the Salacia gateway over HTTP."""

import argparse
import os
import re
from datetime import timedelta

from salacia_db.cli.failure import Failure
from salacia_db.cli.options import Commands
from salacia_db.durations import duration

_KEPT = {"interactions": "none", "requests": "none", "checks": "none", "events": "10m"}


def add_command(commands: Commands) -> None:
    """Add `serve` to the commands."""
    text = "serve the Salacia gateway over HTTP, with a dashboard"
    parser: argparse.ArgumentParser = commands.add_parser(
        "serve",
        help=text,
        description=f"{text}. SALACIA_TOKEN is the token that each request has to bring; without"
        " one it is served on this machine alone.",
    )
    parser.set_defaults(run=_serve)
    parser.add_argument("--host", default="127.0.0.1", help="the address (default 127.0.0.1)")
    parser.add_argument("--port", type=_port, default=8000, help="default 8000; 0 for any")
    parser.add_argument(
        "--database-url", metavar="URL", help="the database, migrated (default: DATABASE_URL)"
    )
    parser.add_argument(
        "--upkeep-every",
        type=_seconds,
        default=60.0,
        metavar="SECONDS",
        help="how often figures are brought up and old rows deleted (default 60; 0: never)",
    )
    parser.add_argument(
        "--no-request-log",
        dest="request_log",
        action="store_false",
        help="don't record requests in api_requests",
    )
    parser.add_argument(
        "--log-health", action="store_true", help="record requests for the health check, too"
    )
    for name, kept in _KEPT.items():
        parser.add_argument(
            f"--keep-{name}",
            type=duration,
            metavar="TIME",
            help=f"delete {name} older than this, such as 30d (default: {kept})",
        )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,6}(\.\d{1,3})?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return float(text)


def _serve(options: argparse.Namespace) -> int:
    try:
        import salacia
        from salacia_db.gateway.http import serve
        from salacia_db.gateway.upkeep import Retention
    except ModuleNotFoundError as error:
        raise Failure(f"{error.name} is missing; install salacia-db[http]") from None
    database = salacia.connect(options.database_url)
    ages = {name: getattr(options, f"keep_{name}") for name in _KEPT}
    every = timedelta(seconds=options.upkeep_every)
    serve(
        database,
        host=options.host,
        port=options.port,
        token=os.environ.get("SALACIA_TOKEN") or None,
        upkeep_every=every or None,
        request_log=options.request_log,
        log_health=options.log_health,
        retention=Retention(**{name: age for name, age in ages.items() if age is not None}),
    )
    return 0
