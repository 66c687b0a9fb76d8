"""Start a server on a data folder, and read what `postmaster.pid` in it says."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from salacia_db.postgres.account import Account, give, spawn_as
from salacia_db.postgres.binaries import Binaries
from salacia_db.postgres.cluster import SUPERUSER, environment
from salacia_db.postgres.errors import PostgresError

PORT = 5432
"""The port of every server here: only a part of its socket's name, as none listens on TCP."""

# The kernel's limit with its final zero byte is 108 on Linux, 104 on macOS.
_LONGEST_SOCKET = 103
_START_TIMEOUT = 120.0
_POLL = 0.005


class Postmaster(NamedTuple):
    """A server as its `postmaster.pid` describes it. `sockets` is the folder of its socket."""

    pid: int
    sockets: Path
    port: int
    ready: bool

    def url(self, database: str) -> str:
        """Where the database is, in the form that asyncpg and libpq (psycopg, psql) understand."""
        return socket_url(self.sockets, self.port, database)

    def answers(self) -> bool:
        """Whether somebody listens on the socket, a server still starting up included."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            try:
                client.connect(str(self.sockets / f".s.PGSQL.{self.port}"))
            except OSError:
                return False
        return True


def socket_url(sockets: Path, port: int, database: str) -> str:
    """The superuser's URL of a database behind the Unix socket in `sockets`."""
    host = quote(str(sockets), safe="/")
    return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={host}&port={port}"


def read_postmaster(data: Path) -> Postmaster | None:
    """What `postmaster.pid` says; None where there is none, or it is still being written."""
    try:
        lines = (data / "postmaster.pid").read_text(errors="replace").splitlines()
        return Postmaster(
            pid=abs(int(lines[0])),
            sockets=Path(lines[4]),
            port=int(lines[3]),
            ready=len(lines) > 7 and lines[7].strip() == "ready",
        )
    except (OSError, ValueError, IndexError):
        return None


def socket_folder(preferred: Path, account: Account | None) -> Path:
    """A folder for the socket that only the server's account can enter.

    That is `preferred`, unless its path is too long for a socket's.
    """
    if len(os.fsencode(preferred / f".s.PGSQL.{PORT}")) <= _LONGEST_SOCKET:
        return preferred
    # Not under $TMPDIR, which may be just as long.
    folder = Path(tempfile.mkdtemp(prefix="salacia-", dir="/tmp"))
    give(folder, account)
    return folder


def launch(
    binaries: Binaries,
    account: Account | None,
    data: Path,
    *,
    sockets: Path,
    log: Path,
    settings: Mapping[str, str],
) -> subprocess.Popen[bytes]:
    """Starts `postgres` on the data folder and waits until it is ready for connections.

    It gets a session of its own, so that Ctrl-C in a terminal reaches only whoever started it.
    Raises `PostgresError` with the end of its log where it doesn't come up.
    """
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "port": str(PORT),
        "logging_collector": "off",
        **settings,
    }
    command = [binaries.program("postgres"), "-D", str(data)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=environment(),
                start_new_session=True,
                **spawn_as(account),
            )
        except OSError as error:
            raise PostgresError(f"can't start {command[0]}: {error}") from None
    try:
        _await_ready(process, data, log)
    except BaseException:
        process.send_signal(signal.SIGQUIT)
        process.wait()
        raise
    return process


def _await_ready(process: subprocess.Popen[bytes], data: Path, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < deadline:
        found = read_postmaster(data)
        if found is not None and found.pid == process.pid and found.ready:
            return
        if process.poll() is not None:
            raise PostgresError(f"PostgreSQL did not start on {data}:\n{_tail(log)}")
        time.sleep(_POLL)
    raise PostgresError(
        f"PostgreSQL was not ready on {data} after {_START_TIMEOUT:.0f} s:\n{_tail(log)}"
    )


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-10:]
    return "\n".join(f"    {line}" for line in lines)
