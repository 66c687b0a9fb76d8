"""`salacia server`: the embedded development server of a project."""

import argparse
from typing import Any

from salacia_db.cli.options import Commands
from salacia_db.config import EMBEDDED_DATABASE


def add_command(commands: Commands) -> None:
    """Add `server` and its actions to the commands."""
    parser = commands.add_parser(
        "server", help="start and stop the embedded server that `embedded:` URLs mean"
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    _action(actions, "start", _start, "start it unless it runs, and print the database's URL")
    _action(actions, "stop", _stop, "stop it; its data stays")


def _action(actions: Commands, name: str, run: Any, text: str) -> None:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    parser.add_argument(
        "url",
        nargs="?",
        default="embedded:",
        help="embedded: (default) for the project's own, or embedded:///path/of/its/data",
    )


def _start(options: argparse.Namespace) -> int:
    from salacia_db.postgres import embedded_url

    print(embedded_url(options.url, EMBEDDED_DATABASE))
    return 0


def _stop(options: argparse.Namespace) -> int:
    from salacia_db.postgres import data_folder, stop_durable

    folder = data_folder(options.url)
    print(f"stopped {folder}" if stop_durable(folder) else f"no server runs on {folder}")
    return 0
