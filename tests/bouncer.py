"""PgBouncer before a PostgreSQL server: in transaction mode, gone afterwards."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from salacia_db.postgres.account import Account, give, server_account, spawn_as

PORT = 6432
_CONFIGURATION = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr =
listen_port = {listen}
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
max_client_conn = 200
default_pool_size = {size}
server_login_retry = 0.2
"""


def find_pgbouncer() -> str | None:
    """The program: on PATH, or where Debian has it."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


class PgBouncer:
    """A running PgBouncer. `url(database, user)` leads through it."""

    def __init__(self, program: str, folder: Path, account: Account | None) -> None:
        self._command = [program, "-q", str(folder / "pgbouncer.ini")]
        self._folder = folder
        self._account = account
        self.start()

    def url(self, database: str, user: str = "postgres") -> str:
        where = urlencode({"host": str(self._folder), "port": PORT})
        return f"postgresql://{quote(user)}@/{database}?{where}"

    def start(self) -> None:
        """Starts it, also after a `stop`."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                **spawn_as(self._account),
            )
        deadline = time.monotonic() + 10
        while not self._listens():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline, (self._folder / "log").read_text()
            time.sleep(0.01)

    def _listens(self) -> bool:
        # The file is there a moment before anybody can connect.
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self._folder / f".s.PGSQL.{PORT}")) == 0

    def revive(self) -> bool:
        """Starts it again if it has ended by itself; whether it had."""
        if self._process.poll() is None:
            return False
        (self._folder / f".s.PGSQL.{PORT}").unlink(missing_ok=True)
        self.start()
        return True

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Ends it: by SIGKILL, as a crash does, by SIGTERM at once, by SIGINT in order."""
        self._process.send_signal(how)
        self._process.wait(timeout=10)
        (self._folder / f".s.PGSQL.{PORT}").unlink(missing_ok=True)


@contextmanager
def pgbouncer(server: str, *, users: tuple[str, ...] = (), size: int = 3) -> Iterator[PgBouncer]:
    """PgBouncer before the server of a URL, with at most `size` sessions for a database and user.

    `users` may log in beside `postgres`, without a password.
    """
    program = find_pgbouncer()
    assert program is not None
    query = parse_qs(urlsplit(server).query)
    account = server_account()
    with tempfile.TemporaryDirectory(prefix="salacia_bouncer_") as name:
        folder = Path(name)
        text = _CONFIGURATION.format(
            host=query["host"][0], port=query["port"][0], listen=PORT, folder=folder, size=size
        )
        (folder / "pgbouncer.ini").write_text(text)
        logins = [f'"{user}" ""\n' for user in ("postgres", *users)]
        (folder / "users").write_text("".join(logins))
        give(folder, account)
        running = PgBouncer(program, folder, account)
        try:
            yield running
        finally:
            running.stop()
