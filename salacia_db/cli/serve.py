"""`salacia serve`: the Salacia gateway over HTTP."""

import argparse
import os

from salacia_db.cli.failure import Failure
from salacia_db.cli.options import Commands


def add_command(commands: Commands) -> None:
    """Add `serve` to the commands."""
    text = "serve the Salacia gateway over HTTP"
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


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)


def _serve(options: argparse.Namespace) -> int:
    try:
        import salacia
        from salacia_db.gateway.http import serve
    except ModuleNotFoundError as error:
        raise Failure(f"{error.name} is missing; install salacia-db[http]") from None
    database = salacia.connect(options.database_url)
    serve(
        database,
        host=options.host,
        port=options.port,
        token=os.environ.get("SALACIA_TOKEN") or None,
    )
    return 0
