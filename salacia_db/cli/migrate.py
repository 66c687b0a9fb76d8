"""`salacia migrate`: bring a database from one migration to another."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salacia_db.cli.failure import Failure
from salacia_db.cli.options import Commands
from salacia_db.codegen.project import find_settings
from salacia_db.config import EMBEDDED_DATABASE

if TYPE_CHECKING:
    from salacia_db.codegen.project import Settings
    from salacia_db.postgres.migrations.migrator import Applied, Migrator


def add_command(commands: Commands) -> None:
    """Add `migrate` and its actions to the commands."""
    parser = commands.add_parser("migrate", help="apply, undo and inspect yoyo migrations")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")

    up = _action(actions, "up", _up, "apply what is missing")
    up.add_argument("--to", metavar="NAME", help="stop after this migration")
    up.add_argument(
        "--allow-late",
        action="store_true",
        help="also apply migrations that sort before one that is applied already",
    )
    down = _action(actions, "down", _down, "undo the last migration, or several")
    down.add_argument("--steps", type=_count, default=1, metavar="N", help="how many (default 1)")
    down.add_argument("--to", metavar="NAME", help="undo all that came after this migration")
    _action(actions, "status", _status, "show each migration and where it stands")
    new = _action(actions, "new", _new, "make the next migration's files", database=False)
    new.add_argument("name", help="what it does: add_due_date")
    baseline = _action(
        actions, "baseline", _baseline, "enter migrations as applied without running them"
    )
    baseline.add_argument("--to", metavar="NAME", help="only up to this migration")
    resolve = _action(
        actions, "resolve", _resolve, "say how a migration stands that `up` refuses to go past"
    )
    resolve.add_argument("name", help="the migration")
    stands = resolve.add_mutually_exclusive_group(required=True)
    stands.add_argument("--applied", action="store_true", help="its change is in the database now")
    stands.add_argument(
        "--not-applied", action="store_true", help="its change is not there, or its file is gone"
    )


def _action(
    actions: Commands,
    name: str,
    run: Any,
    text: str,
    *,
    database: bool = True,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    parser.add_argument(
        "--migrations", metavar="DIR", help="the folder (default: [tool.salacia], else migrations)"
    )
    if database:
        parser.add_argument(
            "--database-url",
            metavar="URL",
            help="the database (default: DATABASE_URL); embedded: for the development server",
        )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of migrations")
    return int(text)


def _migrator(options: argparse.Namespace) -> "Migrator":
    settings, root = find_settings(Path.cwd())
    if options.migrations is not None:
        directory = Path(options.migrations)
    else:
        directory = Path(os.path.relpath(root / (settings.migrations or "migrations")))
    making = options.run is _new
    if not directory.is_dir() and not making:
        raise Failure(f"there is no folder of migrations at {directory}; name it with --migrations")
    # Imported here: yoyo and psycopg take longer to load than `new` and `--help` take to run.
    from salacia_db.postgres.migrations.migrator import Migrator

    return Migrator(_database_url(options, settings), directory)


def _database_url(options: argparse.Namespace, settings: "Settings") -> str:
    if "database_url" not in options:
        return ""
    url: str | None = options.database_url or os.environ.get("DATABASE_URL")
    if not url:
        text = "no database is named; set DATABASE_URL or give --database-url"
        if settings.database_url:
            text += (
                "\n  hint: `database-url` in [tool.salacia] is where the generator works,"
                " not your application's database"
            )
        raise Failure(text)
    if url.startswith("embedded:"):
        from salacia_db.postgres import embedded_url

        return embedded_url(url, EMBEDDED_DATABASE)
    return url


def _up(options: argparse.Namespace) -> int:
    migrator = _migrator(options)
    done = migrator.up(options.to, allow_late=options.allow_late, report=_report)
    if not done:
        print("nothing to do: every migration is applied")
    return 0


def _down(options: argparse.Namespace) -> int:
    done = _migrator(options).down(options.steps, to=options.to, report=_report)
    if not done:
        print("nothing to undo")
    return 0


def _report(done: "Applied") -> None:
    verb = "applied" if done.direction == "up" else "undone"
    print(f"{verb:8} {done.name} ({done.seconds * 1000:.0f} ms)", flush=True)


def _status(options: argparse.Namespace) -> int:
    statuses = _migrator(options).status()
    width = max((len(status.state) for status in statuses), default=0)
    for status in statuses:
        print(f"{status.state:{width}}  {status.name}")
    if not statuses:
        print("there are no migrations")
    return 0


def _new(options: argparse.Namespace) -> int:
    for path in _migrator(options).new(options.name):
        print(f"made {path}")
    return 0


def _baseline(options: argparse.Namespace) -> int:
    entered = _migrator(options).baseline(options.to)
    for name in entered:
        print(f"entered {name}")
    return 0


def _resolve(options: argparse.Namespace) -> int:
    _migrator(options).resolve(options.name, applied=options.applied)
    print(f"{options.name} counts as {'applied' if options.applied else 'not applied'} now")
    return 0
