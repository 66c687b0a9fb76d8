"""A PostgreSQL server of a scenario's own, to be stopped, killed and frozen."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Literal

import asyncpg

from salacia_db.postgres import PostgresError, Server, start_scratch
from salacia_db.postgres.account import give, server_account, spawn_as
from salacia_db.postgres.binaries import find_binaries
from salacia_db.postgres.cluster import environment
from salacia_db.postgres.postmaster import PORT, launch, socket_folder, socket_url
from salacia_db.postgres.server import SCRATCH_SETTINGS, _watch

Way = Literal["fast", "immediate", "killed"]

# What a server says of a commit must be true after a crash; only a power cut isn't tried here.
_HONEST = {"synchronous_commit": "on", "full_page_writes": "on"}
_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "killed": signal.SIGKILL}
_TRIES = 100


class BreakableServer:
    """A server that can be stopped in any way, and started again on the same data and socket."""

    def __init__(self, server: Server, settings: Mapping[str, str]) -> None:
        self._server = server
        self.settings = {**SCRATCH_SETTINGS, **settings}
        self.data = server.data

    def url(self, database: str = "postgres") -> str:
        """The URL of one of its databases."""
        return self._server.url(database)

    async def stop(self, way: Way = "fast") -> None:
        """Ends it: `fast` and `immediate` as of `pg_ctl`, `killed` by SIGKILL of the postmaster."""
        process = self._process
        process.send_signal(_SIGNALS[way])
        await asyncio.to_thread(process.wait)

    async def start(self) -> None:
        """Starts it again, once those whom a killed postmaster left behind have gone."""
        for left in range(_TRIES, 0, -1):
            try:
                # What it owns is told apart by the process, so nobody else may write it.
                self._server._process = await asyncio.to_thread(self._launch)
            except PostgresError:
                if left == 1:
                    raise
                await asyncio.sleep(0.05)
            else:
                return

    @property
    def running(self) -> bool:
        """Whether it is there still; a crash may have ended it."""
        return self._process.poll() is None

    async def restart(self, way: Way = "fast") -> None:
        """Stops and starts it."""
        await self.stop(way)
        await self.start()

    @property
    def _process(self) -> "subprocess.Popen[bytes]":
        assert self._server._process is not None
        return self._server._process

    def _launch(self) -> "subprocess.Popen[bytes]":
        account = server_account()
        return launch(
            find_binaries(account),
            account,
            self.data,
            sockets=Path(self._server.host),
            log=self._server.log,
            settings=self.settings,
        )


@asynccontextmanager
async def breakable_server(settings: Mapping[str, str]) -> AsyncIterator[BreakableServer]:
    """A server of one's own, whose commits outlive its crash; gone afterwards."""
    honest = {**_HONEST, **settings}
    server = await asyncio.to_thread(start_scratch, honest)
    try:
        yield BreakableServer(server, honest)
    finally:
        await asyncio.to_thread(server.stop)


class Standby:
    """A hot standby, until it is promoted."""

    def __init__(self, sockets: Path) -> None:
        self._sockets = sockets

    def url(self, database: str = "postgres") -> str:
        """The URL of one of its databases."""
        return socket_url(self._sockets, PORT, database)

    @property
    def conninfo(self) -> str:
        """Where a standby of it finds it, in libpq's words."""
        return f"host={self._sockets} port={PORT} user=postgres"

    async def promote(self) -> None:
        """Makes it the primary, on a timeline of its own."""
        connection = await asyncpg.connect(self.url())
        try:
            assert await connection.fetchval("select pg_promote()")
        finally:
            await connection.close()


@asynccontextmanager
async def standby_of(primary: BreakableServer) -> AsyncIterator[Standby]:
    """A standby that streams from the primary, which needs `wal_level` replica; gone afterwards."""
    account = server_account()
    binaries = find_binaries(account)
    base = Path(tempfile.mkdtemp(prefix="salacia-", dir=primary.data.parent.parent))
    give(base, account)
    watcher = _watch(base)
    sockets = socket_folder(base, account)
    data = base / "data"
    process = None
    try:
        command = [
            *(binaries.program("pg_basebackup"), "--pgdata", data, "--write-recovery-conf"),
            *("--checkpoint", "fast", "--dbname", primary.url()),
        ]
        backup = await asyncio.to_thread(
            subprocess.run,
            command,
            capture_output=True,
            cwd="/",
            env=environment(),
            **spawn_as(account),
        )
        assert backup.returncode == 0, backup.stderr
        process = await asyncio.to_thread(
            launch,
            binaries,
            account,
            data,
            sockets=sockets,
            log=base / "log",
            settings=primary.settings,
        )
        yield Standby(sockets)
    finally:
        if process is not None:
            process.send_signal(signal.SIGQUIT)
            await asyncio.to_thread(process.wait)
        assert watcher.stdin is not None
        watcher.stdin.close()
        await asyncio.to_thread(watcher.wait)
        if sockets != base:
            shutil.rmtree(sockets, ignore_errors=True)


@contextmanager
def frozen(pids: Iterable[int]):
    """Stops processes with SIGSTOP, those that there are still; lets them go on afterwards."""
    stopped = list(pids)
    for pid in stopped:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
