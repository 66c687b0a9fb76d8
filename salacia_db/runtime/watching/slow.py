"""Slow statements: their names go to a log, and their plans, where that is asked for."""

import asyncio
import logging
import re
from asyncio import get_running_loop
from collections.abc import Awaitable, Callable
from time import monotonic

from salacia_db.runtime.connections.connection import Connection
from salacia_db.runtime.statement import Statement
from salacia_db.texts import printable

_log = logging.getLogger("salacia_db.slow")

# What EXPLAIN explains, after the comment with the name.
_EXPLAINED = re.compile(
    r"(?:\s|--[^\n]*\n)*(?:select|with|insert|update|delete|merge|values)\b", re.I
)
# A statement's plan is told so often at most, in seconds; asking for it takes no longer than this.
_PAUSE = 60.0
_TIMEOUT = 10.0


class SlowLog:
    """Logs calls that took longer than `threshold` seconds."""

    def __init__(self, threshold: float, plans: "Plans | None") -> None:
        self._threshold = threshold
        self._plans = plans

    def statement(self, statement: Statement, seconds: float, error: BaseException | None) -> None:
        if seconds < self._threshold:
            return
        ended = "" if error is None else f", and raised {type(error).__name__}"
        _log.warning("%s took %.3f s%s", printable(statement.name), seconds, ended)
        if self._plans is not None:
            self._plans.ask(statement)


class Plans:
    """Asks the server how it would run statements, one after the other.

    On a connection beside the pool, since that may be what is short. The plan is the generic one:
    parameters stand in it as `$1`, whatever the slow call's arguments were.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]]) -> None:
        self._connect = connect
        self._asked: dict[str, float] = {}
        self._waiting: list[Statement] = []
        self._task: asyncio.Task[None] | None = None

    def ask(self, statement: Statement) -> None:
        """Has the plan logged soon, unless it was lately."""
        now = monotonic()
        if now - self._asked.get(statement.name, -_PAUSE) < _PAUSE:
            return
        if _EXPLAINED.match(statement.sql) is None:
            return
        self._asked[statement.name] = now
        self._waiting.append(statement)
        if self._task is None or self._task.done():
            self._task = get_running_loop().create_task(self._work())

    async def close(self) -> None:
        """Asks no more."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _work(self) -> None:
        while self._waiting:
            statement = self._waiting.pop(0)
            name = printable(statement.name)
            try:
                async with asyncio.timeout(_TIMEOUT):
                    lines = await self._explain(statement)
            except Exception as error:
                _log.warning("%s: no plan: %s", name, type(error).__name__)
            else:
                # Behind a margin, so that no line of it looks like one of the log's own.
                plan = "".join(f"\n  | {printable(line)}" for line in lines)
                _log.warning("%s: its plan for any arguments:%s", name, plan)

    async def _explain(self, statement: Statement) -> list[str]:
        connection = await self._connect()
        raw = connection.raw
        try:
            await raw.execute("SET plan_cache_mode = force_generic_plan")
            prepared = await raw.prepare(statement.sql, name="salacia_plan")
            nulls = ", ".join("NULL" for _ in prepared.get_parameters())
            arguments = f"({nulls})" if nulls else ""
            rows = await raw.fetch(f"EXPLAIN EXECUTE salacia_plan{arguments}")
            return [str(row[0]) for row in rows]
        finally:
            raw.terminate()
