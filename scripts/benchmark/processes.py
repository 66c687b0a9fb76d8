"""The contenders' processes, seen from the one that measures."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmark.contenders import Entry

_FOLDER = Path(__file__).parent
_NODE = _FOLDER / "node"
# An answer may be a thousand rows on one line.
_LINE = 1 << 26


class BenchmarkError(Exception):
    """The benchmark can't go on; the message says why."""


class Worker:
    """A contender's process. `workloads` are the names of those that it offers."""

    def __init__(self, entry: Entry, process: asyncio.subprocess.Process) -> None:
        self.entry = entry
        self.workloads: list[str] = []
        self._process = process

    async def ask(self, **command: Any) -> dict[str, Any]:
        """Its answer to a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        await self._process.stdin.drain()
        return await self.answer()

    async def run(
        self, workload: str, *, tasks: int, seconds: float, most: int
    ) -> dict[str, float]:
        """Calls, wall seconds and CPU seconds of one slice."""
        return await self.ask(do="run", workload=workload, tasks=tasks, seconds=seconds, most=most)

    async def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise BenchmarkError(f"{self.entry.title}: its process ended; see the error above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


@asynccontextmanager
async def workers(entries: Sequence[Entry], url: str, folder: Path) -> AsyncIterator[list[Worker]]:
    """All contenders, connected. `folder` holds the inputs and the generated package."""
    started: list[Worker] = []
    try:
        for entry in entries:
            worker = Worker(entry, await _start(entry, url, folder))
            started.append(worker)
            worker.workloads = (await worker.answer())["workloads"]
        yield started
    finally:
        for worker in started:
            await worker.stop()


async def _start(entry: Entry, url: str, folder: Path) -> asyncio.subprocess.Process:
    program = ["node", str(_NODE / "worker.mjs")] if entry.node else [
        sys.executable, "-m", "benchmark.worker"
    ]  # fmt: skip
    name = entry.module if entry.node else entry.name
    path = [str(_FOLDER.parent), str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return await asyncio.create_subprocess_exec(
        *program,
        name,
        url,
        str(folder / "inputs.json"),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE,
    )
