"""The development server: asked for as `embedded:`, kept in the project, outlives the command."""

import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from salacia_db.postgres.account import (
    Account,
    can_enter,
    give,
    is_root,
    owner_name,
    server_account,
)
from salacia_db.postgres.binaries import Binaries, find_binaries
from salacia_db.postgres.cluster import SUPERUSER, environment, initialise
from salacia_db.postgres.errors import PostgresError
from salacia_db.postgres.postmaster import Postmaster, launch, read_postmaster, socket_folder

_LOCK_TIMEOUT = 150.0
_STOP_TIMEOUT = 60.0
_POLL = 0.02
# Where root keeps data of projects in folders that the server's account can't enter.
_ROOTS_DATA = Path("/var/lib/salacia")


def embedded_url(url: str, database: str) -> str:
    """The plain URL of `database` on the development server that an `embedded:` URL names.

    Starts the server unless it runs, and makes the database unless it is there. `embedded:` is
    the server of the current project, `embedded:///absolute/path` the one with that data folder.
    Takes milliseconds where the server runs, up to a few seconds the first time; blocks. Raises
    `PostgresError`.
    """
    postmaster = start_durable(data_folder(url))
    _ensure_database(postmaster, database)
    return postmaster.url(database)


def data_folder(url: str = "embedded:") -> Path:
    """The data folder that an `embedded:` URL names; it need not exist.

    Without a path: `.salacia/postgres` of the project, which is the nearest folder upwards that
    holds a `pyproject.toml`, else the current one.
    """
    parts = urlsplit(url)
    if parts.scheme != "embedded" or parts.netloc or parts.query or parts.fragment:
        raise _bad_url()
    path = unquote(parts.path)
    if not path:
        here = Path.cwd()
        root = next((f for f in (here, *here.parents) if (f / "pyproject.toml").exists()), here)
        return root / ".salacia" / "postgres"
    if not path.startswith("/") or path == "/":
        raise _bad_url()
    return Path(path)


def start_durable(folder: Path) -> Postmaster:
    """Finds the server on this data folder, or starts it; safe when several processes do so.

    It listens on no TCP port, only on a Unix socket in the data folder, which none but the folder's
    owner can enter. So it needs no password, and no other user of the machine can reach it. Root's
    servers run as another account, whose own processes can reach them.
    """
    found = _running(folder)
    if found is not None:
        return found
    _make_parent(folder)
    with _lock(folder):
        return _running(folder) or _start(folder)


def stop_durable(folder: Path) -> bool:
    """Stops the server on this data folder, if one runs; says whether one did.

    Open transactions are rolled back, clients disconnected; the data stays.
    """
    found = _running(folder)
    if found is None:
        return False
    with _lock(folder):
        os.kill(found.pid, signal.SIGINT)
        deadline = time.monotonic() + _STOP_TIMEOUT
        while (now := read_postmaster(folder)) is not None and now.pid == found.pid:
            if time.monotonic() > deadline:
                raise PostgresError(
                    f"the server on {folder} has not stopped after {_STOP_TIMEOUT:.0f} s",
                    f"see its log, {folder / 'log'}; its process is {found.pid}",
                )
            time.sleep(_POLL)
        if found.sockets != folder.resolve():
            shutil.rmtree(found.sockets, ignore_errors=True)
    return True


def _bad_url() -> PostgresError:
    return PostgresError(
        "an embedded: URL is `embedded:` or `embedded:///absolute/path/of/a/data/folder`"
    )


def _running(folder: Path) -> Postmaster | None:
    _check_access(folder)
    found = read_postmaster(folder)
    return found if found is not None and found.ready and found.answers() else None


def _check_access(folder: Path) -> None:
    try:
        exists = folder.exists()
        owner = folder.stat().st_uid if exists else os.geteuid()
    except PermissionError as error:
        raise PostgresError(f"no access to the data folder {folder}: {error.strerror}") from None
    if owner != os.geteuid() and not is_root():
        raise PostgresError(
            f"the data folder {folder} belongs to {owner_name(owner)}, not to "
            f"{owner_name(os.geteuid())}",
            "work as that user, or name another folder: embedded:///path",
        )


def _make_parent(folder: Path) -> None:
    parent = folder.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        if parent.name == ".salacia" and not (parent / ".gitignore").exists():
            (parent / ".gitignore").write_text("*\n")
    except OSError as error:
        raise PostgresError(
            f"can't make the data folder {folder}: {error.strerror}",
            "name another one: embedded:///path",
        ) from None


@contextmanager
def _lock(folder: Path) -> Generator[None]:
    """Holds the folder's lock, which the kernel lets go when its holder dies."""
    with (folder.parent / f"{folder.name}.lock").open("a") as file:
        deadline = time.monotonic() + _LOCK_TIMEOUT
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise PostgresError(
                        f"another process is still starting or stopping the server on {folder}"
                    ) from None
                time.sleep(_POLL)
        yield


def _start(folder: Path) -> Postmaster:
    account = server_account(folder)
    binaries = find_binaries(account)
    if not (folder / "PG_VERSION").exists():
        folder = _make_data(binaries, account, folder)
    else:
        _check_version(binaries, folder)
        _clear_stale(folder)
    data = folder.resolve()
    process = launch(
        binaries,
        account,
        data,
        sockets=socket_folder(data, account),
        log=data / "log",
        settings={},
    )
    # It outlives us on purpose: `Popen` must not complain about a child that still runs.
    process.returncode = 0
    found = read_postmaster(data)
    if found is None:
        raise PostgresError(f"the server on {folder} went away at once; see {data / 'log'}")
    return found


def _make_data(binaries: Binaries, account: Account | None, folder: Path) -> Path:
    """Makes the data folder: complete or not at all, as it is built beside its place."""
    if folder.exists() and any(folder.iterdir()):
        raise PostgresError(
            f"{folder} is neither empty nor a PostgreSQL data folder",
            "name another one: embedded:///path",
        )
    place = folder
    if not can_enter(account, folder.parent):
        # A new name each time: another checkout at the same place is another database.
        name = str(folder.absolute()).strip("/").replace("/", "-")
        place = _ROOTS_DATA / f"{name}-{secrets.token_hex(4)}"
        place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=place.parent) as scratch:
        give(Path(scratch), account)
        initialise(binaries, account, Path(scratch) / "data", durable=True)
        if place.exists():
            place.rmdir()
        (Path(scratch) / "data").rename(place)
    if place != folder:
        if folder.exists():
            folder.rmdir()
        folder.symlink_to(place)
    return folder


def _check_version(binaries: Binaries, folder: Path) -> None:
    made_by = (folder / "PG_VERSION").read_text().strip()
    if made_by != str(binaries.major):
        raise PostgresError(
            f"the data in {folder} was made by PostgreSQL {made_by}; "
            f"the server found here is {binaries.version} ({binaries.folder})",
            f"set SALACIA_PG_BIN to the programs of a PostgreSQL {made_by}; or move the folder "
            "away to begin anew",
        )


def _clear_stale(folder: Path) -> None:
    """Removes the lock files of a server that died, where its number is another process's by now.

    PostgreSQL does this itself only where no process has that number, which after a restart of
    the machine or the container is often not so.
    """
    stale = read_postmaster(folder)
    if stale is None:
        return
    if not _is_postgres(stale.pid):
        (folder / "postmaster.pid").unlink(missing_ok=True)
        (stale.sockets / f".s.PGSQL.{stale.port}.lock").unlink(missing_ok=True)
        return
    raise PostgresError(
        f"process {stale.pid} seems to be a PostgreSQL server on {folder} that doesn't answer",
        f"stop it (kill -INT {stale.pid}), then try again; its log is {folder / 'log'}",
    )


def _is_postgres(pid: int) -> bool:
    """Whether the process runs PostgreSQL, rather than being dead but not yet waited for."""
    if Path("/proc/self/cmdline").exists():
        try:
            program = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")[0]
        except OSError:
            return False
    else:
        asked = ["ps", "-o", "comm=", "-p", str(pid)]
        program = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    return Path(program).name == "postgres"


def _ensure_database(postmaster: Postmaster, database: str) -> None:
    # Through PostgreSQL's own programs: a project that only runs has no psycopg.
    binaries = find_binaries(server_account())
    asked = _run_client(
        binaries,
        postmaster,
        "psql",
        ["-XAtq", "-v", f"name={database}", "-d", SUPERUSER],
        "select 1 from pg_database where datname = :'name';",
    )
    if asked.returncode == 0 and not asked.stdout.strip():
        asked = _run_client(binaries, postmaster, "createdb", ["--", database])
        if "already exists" in asked.stderr:
            # Another process made it in between.
            return
    if asked.returncode != 0:
        raise PostgresError(f"can't make the database {database!r}: {asked.stderr.strip()}")


def _run_client(
    binaries: Binaries, postmaster: Postmaster, program: str, options: list[str], text: str = ""
) -> subprocess.CompletedProcess[str]:
    where = ["-h", str(postmaster.sockets), "-p", str(postmaster.port), "-U", SUPERUSER]
    return subprocess.run(
        [binaries.program(program), *where, *options],
        input=text,
        capture_output=True,
        text=True,
        env=environment(),
    )
