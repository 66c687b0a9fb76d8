"""A scratch server: for tests and for generation, fast to start, gone with its process."""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from salacia_db.postgres.account import Account, can_enter, give, server_account
from salacia_db.postgres.binaries import find_binaries
from salacia_db.postgres.cluster import SUPERUSER, discard_cached, initialise_scratch
from salacia_db.postgres.errors import PostgresError
from salacia_db.postgres.postmaster import PORT, launch, socket_folder, socket_url

SCRATCH_SETTINGS: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
"""Speed over safety: nothing in a scratch server is worth a write to a disk."""

_MEMORY_NEEDED = 1 << 30

# Waits for the end of its input, which comes when the process that started it closes the pipe or
# dies, however it dies. A watcher rather than PR_SET_PDEATHSIG: that is Linux's alone, fires when
# the starting *thread* ends, and leaves the data behind in memory.
_WATCHER = """
read -r _
pidfile="$1/data/postmaster.pid"
tries=0
while [ -d "$1/data" ] && [ ! -s "$pidfile" ] && [ $tries -lt 10 ]; do
  sleep 0.1; tries=$((tries + 1))
done
[ -s "$pidfile" ] && kill -QUIT "$(head -n 1 "$pidfile")"
tries=0
while [ -e "$pidfile" ] && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
rm -rf "$1"
"""


class Server:
    """A running scratch server; `start_scratch` makes one. Use it as a context manager, or `stop`.

    `host` is the folder of its Unix socket (every driver takes it as a host), `port` a part of the
    socket's name, `user` its superuser. There is no password and no TCP: the folder can be entered
    by the owner only, so the socket is as protected as the data beside it.
    """

    user = SUPERUSER
    port = PORT

    def __init__(
        self,
        base: Path,
        process: subprocess.Popen[bytes],
        watcher: subprocess.Popen[bytes],
        sockets: Path,
        version: str,
    ) -> None:
        self.data = base / "data"
        self.log = base / "log"
        self.host = str(sockets)
        self.version = version
        self._base = base
        self._process: subprocess.Popen[bytes] | None = process
        self._watcher = watcher
        self._owner = os.getpid()
        _running.add(self)

    @property
    def pid(self) -> int | None:
        """The process id of the server; None once stopped."""
        return None if self._process is None else self._process.pid

    def url(self, database: str = SUPERUSER) -> str:
        """The URL of one of its databases, for asyncpg and libpq alike."""
        return socket_url(Path(self.host), self.port, database)

    def stop(self) -> None:
        """Stops the server at once and removes its data. Harmless when repeated.

        In a forked child it does nothing: the server belongs to the parent.
        """
        if self._process is None or self._owner != os.getpid():
            return
        _stop(self._process)
        self._process = None
        _running.discard(self)
        _remove(self._base, Path(self.host), self._watcher)

    def __enter__(self) -> "Server":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def forget(self) -> None:
        """Lets go of the watcher's pipe, in a forked child: only the parent's end may count."""
        if self._watcher.stdin is not None:
            self._watcher.stdin.close()


_running: set[Server] = set()


def start_scratch(settings: Mapping[str, str] | None = None) -> Server:
    """Starts a server of one's own, with `settings` on top of `SCRATCH_SETTINGS`.

    It ends with this process, also when that is killed. Raises `PostgresError`.
    """
    account = server_account()
    binaries = find_binaries(account)
    base = _base_folder(account)
    watcher = _watch(base)
    sockets = base
    try:
        sockets = socket_folder(base, account)
        process = _launch_in(base, sockets, account, {**SCRATCH_SETTINGS, **(settings or {})})
    except BaseException:
        _remove(base, sockets, watcher)
        raise
    return Server(base, process, watcher, sockets, binaries.version)


def _launch_in(
    base: Path, sockets: Path, account: Account | None, settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    binaries = find_binaries(account)
    data = base / "data"
    while True:
        data.mkdir(mode=0o700)
        give(data, account)
        from_cache = initialise_scratch(binaries, account, data)
        try:
            return launch(
                binaries, account, data, sockets=sockets, log=base / "log", settings=settings
            )
        except PostgresError:
            if not from_cache:
                raise
            # A power cut or a cleaner of caches may have damaged what was kept: make it anew.
            discard_cached(binaries)
            shutil.rmtree(data)


def _base_folder(account: Account | None) -> Path:
    for parent in (_shared_memory(), Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108
        if parent is not None and can_enter(account, parent):
            base = Path(tempfile.mkdtemp(prefix="salacia-", dir=parent))
            give(base, account)
            return base
    raise PostgresError("no folder for temporary files can be used", "set TMPDIR")


def _shared_memory() -> Path | None:
    folder = Path("/dev/shm")  # noqa: S108
    try:
        if os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= _MEMORY_NEEDED:
            return folder
    except OSError:
        pass
    return None


def _watch(base: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", _WATCHER, "salacia-watcher", str(base)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGQUIT)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _remove(base: Path, sockets: Path, watcher: subprocess.Popen[bytes]) -> None:
    shutil.rmtree(base, ignore_errors=True)
    if sockets != base:
        shutil.rmtree(sockets, ignore_errors=True)
    if watcher.stdin is not None:
        watcher.stdin.close()
    watcher.wait()


def _stop_all() -> None:
    for server in list(_running):
        server.stop()


def _forget_all() -> None:
    for server in _running:
        server.forget()


atexit.register(_stop_all)
os.register_at_fork(after_in_child=_forget_all)
