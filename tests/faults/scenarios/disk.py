"""A server whose disk is full, until somebody makes room."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from faults.clients import Session
from faults.ledger import PARTS, Entry
from faults.scenario import Bench, NotRun, scenario
from faults.scenarios.servers import AWAY, server_back
from salacia_db.postgres.account import give, is_root, server_account

_MEGABYTES = 256
_FULL = "53100"
# So much of WAL is there before the disk is full that the server needs no more.
_SEGMENTS = 5
_OWN: dict[str, Any] = {
    "own": True,
    "programs": ("mount", "umount"),
    "settings": {"min_wal_size": "80MB", "max_wal_size": "160MB", "checkpoint_timeout": "1h"},
}
# A page for each row, so that it is soon full: it is not compressed, nor put elsewhere.
_NOTE = "x" * 6000
_ALTER = "alter table ledger alter note set storage plain"


class SmallDisk:
    """A disk that can be filled to the last byte."""

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    async def fill(self) -> None:
        """Leaves no room."""
        await asyncio.to_thread(self._fill)

    def _fill(self) -> None:
        with self._ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(1 << 18))

    def make_room(self) -> None:
        """Gives it back."""
        self._ballast.unlink()


@asynccontextmanager
async def _small_disk(bench: Bench) -> AsyncIterator[SmallDisk]:
    """A disk that the server's data lie on, as they were. Raises `NotRun`."""
    server, account = bench.server, server_account()
    if not is_root() or account is None:
        raise NotRun("only root may mount a small disk")
    await server.stop()
    before = server.data.rename(server.data.with_name("before"))
    server.data.mkdir()
    options = f"size={_MEGABYTES}m,mode=0700,uid={account.uid},gid={account.gid}"
    mounted = await _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", server.data)
    if mounted.returncode:
        raise NotRun(f"no small disk: {mounted.stderr.strip()}")
    try:
        shutil.copytree(before, server.data, dirs_exist_ok=True)
        give(server.data, account)
        await server.start()
        await server_back(bench)
        yield SmallDisk(server.data)
    finally:
        if server.running:
            await server.stop("immediate")
        await _run("umount", "--lazy", server.data)


async def _run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)


async def _write(session: Session, entry: Entry) -> None:
    for part in range(PARTS):
        await session.write(entry, part, _NOTE)


async def _until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the disk wasn't noticed to be full")


async def _switch_wal(bench: Bench, segments: int) -> None:
    """Has the server begin so many new segments; a checkpoint keeps the old ones for later use."""
    for _ in range(segments):
        await bench.bystander.execute("select pg_current_xact_id(), pg_switch_wal()")


def _refused(bench: Bench) -> int:
    """How many callers were told that the disk is full."""
    return sum(getattr(entry.error, "sqlstate", None) == _FULL for entry in bench.ledger.entries)


@scenario("disk full, under load", quick=1, full=8, **_OWN)
async def disk_full(bench: Bench) -> None:
    disk = await bench.keep(_small_disk(bench))
    await bench.bystander.execute(_ALTER)
    await bench.fill()
    async with bench.load(work=_write):
        for _ in range(bench.attempts):
            await asyncio.sleep(0.1)
            await _switch_wal(bench, _SEGMENTS)
            await bench.bystander.execute("checkpoint")
            before = _refused(bench)
            await disk.fill()
            await _until(lambda before=before: _refused(bench) > before + bench.client.size)
            # Whoever only reads is served.
            await bench.client.fetchval("select count(*) from ledger")
            disk.make_room()
            await bench.recovered()
    # Each who failed was told why.
    failed = sum(entry.told == "failed" for entry in bench.ledger.entries)
    bench.violations["L"] += failed - _refused(bench)


@scenario("disk full, so that the server dies of its WAL", quick=1, full=4, **_OWN)
async def disk_full_of_wal(bench: Bench) -> None:
    disk = await bench.keep(_small_disk(bench))
    await bench.fill()
    async with bench.load():
        for _ in range(bench.attempts):
            await asyncio.sleep(0.2)
            await disk.fill()
            with suppress(*AWAY):
                await _switch_wal(bench, 2 * _SEGMENTS)
                raise AssertionError("the server has outlived it")
            await asyncio.sleep(0.3)
            disk.make_room()
            # It may be gone, or hang in a recovery that has failed.
            if bench.server.running:
                await bench.server.stop("immediate")
            await bench.server.start()
            await server_back(bench)
            await bench.recovered()
