"""Migration files: read through yoyo, checked, numbered, made."""

import glob
import hashlib
import importlib
import re
import threading
from pathlib import Path
from typing import Any, NamedTuple

from salacia_db.postgres.migrations.errors import MigrationError, at
from salacia_db.postgres.migrations.statements import Statement, split

_ROLLBACK = ".rollback.sql"
_yoyo_lock = threading.Lock()


class MigrationFile(NamedTuple):
    """One migration: a `.sql` file with its statements, or a `.py` file with yoyo's steps.

    `name` is the file's, without its ending; `checksum` is of the text, line endings aside.
    """

    name: str
    path: Path
    checksum: str
    transactional: bool
    statements: list[Statement]
    steps: list[Any]

    @property
    def rollback_path(self) -> Path:
        """Where the statements that undo it are, for a `.sql` file."""
        return self.path.with_name(self.name + _ROLLBACK)


class MigrationFiles(NamedTuple):
    """All migrations of a folder, in the order to apply them, and those to run after each `up`."""

    migrations: list[MigrationFile]
    post_apply: list[MigrationFile]


def read_files(directory: Path) -> MigrationFiles:
    """Reads a folder of yoyo migrations. Raises `MigrationError`, also where one isn't valid."""
    _check_folder(directory)
    # Only here, as it takes long to import.
    yoyo = importlib.import_module("yoyo.migrations")
    exceptions = importlib.import_module("yoyo.exceptions")
    try:
        # yoyo finds the migrations that others depend on in a registry of the whole process,
        # where those of another folder may have the same names: nobody else may read meanwhile.
        with _yoyo_lock:
            found = yoyo.read_migrations(glob.escape(str(directory)))
            for migration in [*found, *found.post_apply]:
                _load(migration)
            ordered = list(yoyo.topological_sort(found))
    except (exceptions.BadMigration, exceptions.MigrationConflict) as error:
        raise MigrationError(f"{directory}: {error}") from None
    return MigrationFiles([_file(m) for m in ordered], [_file(m) for m in found.post_apply])


def refuse_empty(file: MigrationFile) -> None:
    """Raises `MigrationError` where a migration would do nothing: it is still to be written."""
    if not file.statements and not file.steps:
        raise MigrationError(f"{at(file.path)} holds no statement", "write it, or remove the file")


def read_rollback(file: MigrationFile) -> list[Statement]:
    """The statements that undo a migration. Raises `MigrationError` where there are none."""
    path = file.rollback_path
    if not path.exists():
        raise MigrationError(
            f"{at(file.path)} can't be undone: there is no {path.name}", f"write {path}"
        )
    statements = split(_read(path))
    if not statements:
        raise MigrationError(
            f"{at(path)} holds no statement",
            "write what undoes the migration; `select 1;` if there is nothing to undo",
        )
    _refuse_unfit(path, statements, file.transactional)
    return statements


def fingerprint(directory: Path) -> str:
    """A hash of all migrations of a folder: as long as it stays, so does the schema they make."""
    _check_folder(directory)
    digest = hashlib.sha256()
    for path in _migration_paths(directory):
        digest.update(f"{path.name}\0{_checksum(_read(path))}\0".encode())
    return digest.hexdigest()


def new_files(directory: Path, name: str) -> tuple[Path, Path]:
    """Makes an empty migration with the next number and its rollback; returns both paths."""
    slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not slug:
        raise MigrationError(
            f"{name!r} gives no file name", "use letters and digits: `add invoice due date`"
        )
    directory.mkdir(parents=True, exist_ok=True)
    stem = f"{next_number(directory)}_{slug}"
    path, rollback = directory / f"{stem}.sql", directory / f"{stem}{_ROLLBACK}"
    with path.open("x", encoding="utf-8") as file:
        file.write(f"-- {name.strip()}\n")
    with rollback.open("x", encoding="utf-8") as file:
        file.write(f"-- Undoes {path.name}.\n")
    return path, rollback


def next_number(directory: Path) -> str:
    """The number that sorts after all others of the folder: `0007`."""
    numbers = [match[0] for p in _migration_paths(directory) if (match := re.match(r"\d+", p.name))]
    width = max([4, *map(len, numbers)])
    return str(max([0, *map(int, numbers)]) + 1).zfill(width)


def _migration_paths(directory: Path) -> list[Path]:
    return sorted(
        path
        for path in directory.iterdir()
        if path.suffix in (".sql", ".py") and not path.name.endswith(_ROLLBACK)
    )


def _check_folder(directory: Path) -> None:
    if not directory.is_dir():
        raise MigrationError(
            f"no folder of migrations at {directory}", "make one, or say where it is: --migrations"
        )


def _load(migration: Any) -> None:
    path = Path(migration.path)
    try:
        migration.load()
    except KeyError:
        raise MigrationError(
            f"{at(path)} `-- transactional:` must be followed by true or false"
        ) from None
    except UnicodeDecodeError:
        raise MigrationError(f"{at(path)} is not UTF-8") from None
    except Exception as error:
        missing = "depend" in str(error)
        raise MigrationError(
            f"{at(path)} {error}",
            "`-- depends:` names migrations by their file names without .sql" if missing else None,
        ) from error


def _file(migration: Any) -> MigrationFile:
    path = Path(migration.path)
    text = _read(path)
    transactional = bool(migration.use_transactions)
    statements = split(text) if path.suffix == ".sql" else []
    steps = [] if path.suffix == ".sql" else list(migration.steps)
    _refuse_unfit(path, statements, transactional)
    return MigrationFile(migration.id, path, _checksum(text), transactional, statements, steps)


def _refuse_unfit(path: Path, statements: list[Statement], transactional: bool) -> None:
    for statement in statements:
        if statement.copies_from_client():
            raise MigrationError(
                f"{at(path, statement.line)} a migration has no stdin or stdout to COPY",
                "use INSERT, or COPY from a file on the server",
            )
        if statement.controls_transaction():
            word = statement.words[0].upper()
            raise MigrationError(
                f"{at(path, statement.line)} {word} in a migration",
                "remove it: the whole file runs in one transaction"
                if transactional
                else "remove it: after `-- transactional: false` each statement runs by itself",
            )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise MigrationError(f"{at(path)} is not UTF-8") from None


def _checksum(text: str) -> str:
    # `read_text` has made every line ending "\n": git may change them from checkout to checkout.
    return hashlib.sha256(text.encode()).hexdigest()
