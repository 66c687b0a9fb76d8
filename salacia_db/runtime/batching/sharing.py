"""How a batch runs: as one statement; where that fails in halves, so that only the cause does."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from salacia_db.runtime.errors import (
    CommitOutcomeUnknown,
    ConnectionFailed,
    ConnectionLost,
    DeadlineExceeded,
    LockNotAvailable,
    PoolTimeout,
    UsageError,
    another,
)
from salacia_db.runtime.statement import Batch, Row, Statement

if TYPE_CHECKING:
    from salacia_db.runtime.database import Database
    from salacia_db.runtime.pooled import PooledSession

# A row that somebody has locked holds up the others of its batch for so long.
_SETTINGS = {"lock_timeout": "100ms"}
# What befell the connection befell all who shared it; anything else may be the fault of one.
_COMMON = (
    CommitOutcomeUnknown,
    ConnectionFailed,
    ConnectionLost,
    DeadlineExceeded,
    PoolTimeout,
    UsageError,
)

# What asyncpg takes for a single value within an array, though it has parts.
_PLAIN = (str, bytes, bytearray, memoryview, tuple, Mapping)


class Call:
    """A caller's arguments, and what it waits for until `deadline`, by the event loop's clock.

    `sent`: its batch has begun.
    """

    __slots__ = ("args", "deadline", "result", "sent")

    def __init__(self, args: Row, result: "asyncio.Future[Row | None]", deadline: float) -> None:
        self.args = args
        self.result = result
        self.deadline = deadline
        self.sent = False

    def fail(self, error: BaseException) -> None:
        if not self.result.done():
            self.result.set_exception(error)
            # Where the caller is cancelled just now, nobody else will look at it.
            self.result.exception()


class Runner:
    """Runs batches of one statement; each call gets its row, or its error.

    `most`: so many connections it may use for calls that have to run by themselves after all.
    """

    def __init__(
        self,
        statement: Statement,
        batch: Batch,
        session: "PooledSession",
        database: "Database[Any]",
        *,
        most: int,
    ) -> None:
        self._statement = statement
        self._alone = asyncio.Semaphore(most)
        self._shared = batch.statement
        self._session = session
        self._database = database

    async def run(self, calls: Sequence[Call]) -> None:
        """Runs them together. Where that fails, the half without the cause still goes through."""
        if len(calls) == 1:
            await self._run_alone(calls[0])
            return
        try:
            if self._statement.read_only:
                found = await self._read(calls)
            else:
                found = await self._write(calls)
        except Exception as error:
            failure = error
        else:
            for call, row in zip(calls, found, strict=True):
                if not call.result.done():
                    call.result.set_result(row)
            return
        # Nothing of it was kept, or nobody knows; the latter is among the common ones.
        if isinstance(failure, _COMMON):
            for call in calls:
                call.fail(another(failure))
        elif isinstance(failure, LockNotAvailable):
            await asyncio.gather(*map(self._run_alone, calls))
        else:
            middle = len(calls) // 2
            await self.run(calls[:middle])
            await self.run(calls[middle:])

    async def _run_alone(self, call: Call) -> None:
        try:
            async with self._alone:
                if call.result.done():
                    return
                row = await self._session.fetchrow(self._statement, *call.args)
        except Exception as error:
            call.fail(error)
        else:
            if not call.result.done():
                call.result.set_result(row)

    async def _read(self, calls: Sequence[Call]) -> list[Row | None]:
        columns = [list(column) for column in zip(*(call.args for call in calls), strict=True)]
        if any(map(_nested, columns)):
            raise TypeError("a list would be a dimension of the array")
        rows = await self._session.fetch(self._shared, *columns)
        found: list[Row | None] = [None] * len(calls)
        for row in rows:
            found[row[-1] - 1] = row[:-1]
        return found

    async def _write(self, calls: Sequence[Call]) -> list[Row | None]:
        args = [(*call.args, index) for index, call in enumerate(calls)]
        unit = self._database.unit_of_work(settings=_SETTINGS)
        unit.session.transaction.where = self._statement.name
        async with unit:
            rows = await unit.session.pipelined(self._shared, args)
        found: list[Row | None] = [None] * len(calls)
        for row in rows:
            found[row[-1]] = row[:-1]
        return found


def _nested(column: list[Any]) -> bool:
    """Whether the driver would take a value for a dimension of the array, rather than refuse it."""
    types = set(map(type, column))
    return any(issubclass(type_, Collection) and not issubclass(type_, _PLAIN) for type_ in types)
