"""The error of migrations: what is wrong with a file, with a database's history, or with a wish."""

from pathlib import Path

from salacia_db.postgres.errors import PostgresError


class MigrationError(PostgresError):
    """A migration can't be read, run or undone, or the history and the files disagree.

    The message begins with `file:line:` or `file:line:column:` where it is about a place in a file.
    """


def at(path: Path, line: int | None = None, column: int | None = None) -> str:
    """How a message names a place: relative to the current folder where the file is below it."""
    here = Path.cwd()
    absolute = path.absolute()
    shown = absolute.relative_to(here) if absolute.is_relative_to(here) else path
    return "".join(f"{part}:" for part in (shown, line, column) if part is not None)
