"""One contender in a process of its own: `python -m benchmark.worker NAME URL INPUTS`.

It reads one command a line, `{"do": "run" or "check", …}`, answers each with a line, and sleeps in
between. So nothing but the contender whose turn it is uses the processor.
"""

import asyncio
import datetime as dt
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmark.contender import Contender
from benchmark.contenders import CONTENDERS
from benchmark.models import PROVIDER


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "provider_id": UUID(row["provider_id"])}


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "uuid": UUID,
    "time": dt.datetime.fromisoformat,
    "row": _row,
    "rows": lambda rows: [_row(row) for row in rows],
    "updates": lambda updates: [(UUID(update[0]), *update[1:]) for update in updates],
    "name": str,
    "plain": lambda value: value,
}


class Calls:
    """The calls of one workload: which method, with which arguments, in their order."""

    def __init__(self, contender: Contender, given: dict[str, Any]) -> None:
        self._method = getattr(contender, given["method"])
        self.fields = given["fields"]
        kinds = given["kinds"]
        self._arguments = [
            [_CONVERT[kind](value) for kind, value in zip(kinds, each, strict=True)]
            for each in given["arguments"]
        ]
        self._named = "name" in kinds
        self._next = 0

    async def one(self) -> Any:
        """The next call."""
        number = self._next
        self._next = number + 1
        arguments = self._arguments[number % len(self._arguments)]
        if self._named:
            arguments = [f"{arguments[0]}-{os.getpid()}-{number}", *arguments[1:]]
        return await self._method(*arguments)

    async def run(self, tasks: int, seconds: float, most: int) -> dict[str, float]:
        """Keeps so many tasks busy until time or calls are used up."""
        started = done = 0
        cpu, wall = time.process_time(), time.perf_counter()
        deadline = wall + seconds

        async def task() -> None:
            nonlocal started, done
            while started < most and time.perf_counter() < deadline:
                started += 1
                await self.one()
                done += 1

        await asyncio.gather(*(task() for _ in range(tasks)))
        return {
            "calls": done,
            "wall": time.perf_counter() - wall,
            "cpu": time.process_time() - cpu,
        }


def plain(contender: Contender, found: Any, fields: list[str]) -> Any:
    """What a call gave, in a form that is equal for all contenders."""
    if found is None or isinstance(found, int):
        return found
    if isinstance(found, list | tuple):
        return [plain(contender, each, fields) for each in found]
    provider = None
    if "provider" in fields:
        found, provider = contender.joined(found)
    values = {name: _value(getattr(found, name)) for name in fields if name != "provider"}
    if provider is not None:
        values["provider"] = {name: _value(getattr(provider, name)) for name in PROVIDER}
    return values


def _value(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, dt.datetime):
        # JavaScript's dates have milliseconds.
        return int(value.timestamp() * 1000)
    return value


async def serve(contender: Contender, inputs: dict[str, Any]) -> None:
    """Answers commands until there are no more."""
    # What a contender leaves out is still the base class's.
    workloads = {
        name: Calls(contender, given)
        for name, given in inputs.items()
        if getattr(type(contender), given["method"]) is not getattr(Contender, given["method"])
    }
    say({"workloads": list(workloads)})
    for line in sys.stdin:
        command = json.loads(line)
        calls = workloads[command["workload"]]
        if command["do"] == "check":
            say({"found": plain(contender, await calls.one(), calls.fields)})
            continue
        say(await calls.run(command["tasks"], command["seconds"], command["most"]))


def say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


async def main(name: str, url: str, inputs: dict[str, Any]) -> None:
    module = next(entry.module for entry in CONTENDERS if entry.name == name)
    contender: Contender = importlib.import_module(f"benchmark.contenders.{module}").Bench(url)
    await contender.open()
    await serve(contender, inputs)
    await contender.close()


if __name__ == "__main__":
    try:
        from uvloop import run
    except ImportError:
        run = asyncio.run
    name, url, inputs = sys.argv[1:]
    run(main(name, url, json.loads(Path(inputs).read_text("utf-8"))))
