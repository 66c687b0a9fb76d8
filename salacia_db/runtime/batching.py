"""Batching: concurrent calls of one statement share it. Nobody waits for others to come.

A call that finds nothing under way runs at once, by itself. What is called meanwhile queues, and
is the next batch. So a lone caller pays nothing, and batches grow with the load.
"""

import asyncio
from asyncio import get_running_loop
from collections import deque
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from contextvars import Context
from typing import TYPE_CHECKING, Any

from salacia_db.runtime.connection import NEVER
from salacia_db.runtime.errors import (
    CommitOutcomeUnknown,
    ConnectionFailed,
    ConnectionLost,
    DeadlineExceeded,
    LockNotAvailable,
    PoolTimeout,
    UsageError,
    WriteDeadlineExceeded,
    another,
)
from salacia_db.runtime.session import Row, Session
from salacia_db.runtime.statement import Batch, Statement

if TYPE_CHECKING:
    from salacia_db.runtime.database import Database
    from salacia_db.runtime.pooled import PooledSession

# So many run at once while they make progress and a batch holds all that wait. With more, each
# holds less: two or four at once were slower at any number of callers.
_AT_ONCE = 1
# After so many seconds without an answer the next batch starts beside the last one.
_PATIENCE = 0.05
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


class BatchedSession(Session):
    """What `db.<group>` runs the calls of `-- batch` statements on.

    Where hooks are interested in what a statement writes, its calls run by themselves.
    """

    __slots__ = ("_database", "_queues", "_session")

    def __init__(self, session: "PooledSession", database: "Database[Any]") -> None:
        self._session = session
        self._database = database
        self._queues: dict[Statement, _Queue] = {}

    async def fetchrow(self, statement: Statement, *args: Any) -> Row | None:
        batch, database = statement.batch, self._database
        if batch is None or (statement.writes and database.hooks.plan(statement) is not None):
            return await self._session.fetchrow(statement, *args)
        queue = self._queues.get(statement)
        if queue is None:
            queue = _Queue(statement, batch, self._session, database)
            self._queues[statement] = queue
        if queue.running < _AT_ONCE:
            queue.running += 1
            try:
                return await self._session.fetchrow(statement, *args)
            finally:
                queue.ended()
        return await queue.join(args)

    async def flush(self, timeout: float) -> None:
        """Waits so many seconds for the calls that queue or run now."""
        calls = [call.result for queue in self._queues.values() for call in queue.calls()]
        if calls:
            await asyncio.wait(calls, timeout=timeout)


class _Call:
    """A caller's arguments, and what it waits for. `sent`: its batch has begun."""

    __slots__ = ("args", "result", "sent")

    def __init__(self, args: Row, result: "asyncio.Future[Row | None]") -> None:
        self.args = args
        self.result = result
        self.sent = False

    def finish(self, row: Row | None) -> None:
        if not self.result.done():
            self.result.set_result(row)

    def fail(self, error: BaseException) -> None:
        if not self.result.done():
            self.result.set_exception(error)
            # Where the caller is cancelled just now, nobody else will look at it.
            self.result.exception()


class _Queue:
    """The calls of one statement. A task exists only while some of them wait or run.

    Each of `waiting` has its caller waiting with it, so that its length is their number.
    """

    def __init__(
        self,
        statement: Statement,
        batch: Batch,
        session: "PooledSession",
        database: "Database[Any]",
    ) -> None:
        self.running = 0
        self._statement = statement
        self._batch = batch
        self._session = session
        self._database = database
        self._timeout = statement.timeout or database.timeout
        # Half of the pool is for others.
        self._most = max(1, database.pool.settings.max // 2)
        self._waiting: deque[_Call] = deque()
        self._sent: set[_Call] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._look: asyncio.TimerHandle | None = None
        self._progress = 0.0

    def calls(self) -> Iterable[_Call]:
        """Those that have no answer yet."""
        return [call for call in (*self._sent, *self._waiting) if not call.result.done()]

    async def join(self, args: Row) -> Row | None:
        """Queues; the row, once the batch has run. Raises what the call by itself would."""
        self._database.pool.check()
        loop = get_running_loop()
        call = _Call(args, loop.create_future())
        self._waiting.append(call)
        if len(self._waiting) % self._batch.size == 0 and self.running < self._most:
            self._start()
        if self._look is None:
            self._progress = loop.time()
            self._look = loop.call_later(_PATIENCE, self._overtake)
        if self._timeout == NEVER:
            return await call.result
        alarm = loop.call_later(self._timeout, self._expire, call)
        try:
            return await call.result
        finally:
            alarm.cancel()

    def ended(self) -> None:
        """One of those that run has ended: what has queued meanwhile is next."""
        self.running -= 1
        self._progress = get_running_loop().time()
        if self._drop_done() and self.running < _AT_ONCE:
            self._start()

    # --- inside -----------------------------------------------------------------------------------

    def _drop_done(self) -> bool:
        """Whether anybody waits still: who was cancelled, or is too late, is left out."""
        waiting = self._waiting
        while waiting and waiting[0].result.done():
            waiting.popleft()
        return bool(waiting)

    def _start(self) -> None:
        self.running += 1
        self._spawn(self._work())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        # In a context of its own, since it works for many.
        task = get_running_loop().create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _overtake(self) -> None:
        """Where the last batch gets no answer, as behind a lock, the next doesn't wait for it."""
        self._look = None
        if not self._drop_done():
            return
        loop = get_running_loop()
        if loop.time() - self._progress >= _PATIENCE and self.running < self._most:
            self._progress = loop.time()
            self._start()
        self._look = loop.call_at(self._progress + _PATIENCE, self._overtake)

    def _expire(self, call: _Call) -> None:
        name = self._statement.name
        late = f"{name}: no answer within its deadline"
        if not call.sent:
            error = DeadlineExceeded(f"{late}; it queued, and wasn't sent", statement=name)
        elif self._statement.read_only:
            error = DeadlineExceeded(late, statement=name)
        else:
            late += "; it may have been carried out"
            error = WriteDeadlineExceeded(late, statement=name)
        call.fail(error)

    async def _work(self) -> None:
        try:
            while self._drop_done():
                calls = self._next()
                try:
                    await self._run(calls)
                finally:
                    self._sent.difference_update(calls)
                    for call in calls:
                        call.result.cancel()  # without effect, unless this task was cancelled
                self._progress = get_running_loop().time()
                # Who has got an answer and asks again at once belongs to the next batch.
                await asyncio.sleep(0)
        finally:
            self.ended()

    def _next(self) -> list[_Call]:
        waiting, calls = self._waiting, list[_Call]()
        while waiting and len(calls) < self._batch.size:
            call = waiting.popleft()
            if not call.result.done():
                call.sent = True
                calls.append(call)
        self._sent.update(calls)
        return calls

    async def _run(self, calls: Sequence[_Call]) -> None:
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
                call.finish(row)
            return
        # Nothing of it was kept, or nobody knows; the latter is among the common ones.
        if isinstance(failure, _COMMON):
            for call in calls:
                call.fail(another(failure))
        elif isinstance(failure, LockNotAvailable):
            await asyncio.gather(*map(self._run_alone, calls))
        else:
            middle = len(calls) // 2
            await self._run(calls[:middle])
            await self._run(calls[middle:])

    async def _run_alone(self, call: _Call) -> None:
        try:
            row = await self._session.fetchrow(self._statement, *call.args)
        except Exception as error:
            call.fail(error)
        else:
            call.finish(row)

    async def _read(self, calls: Sequence[_Call]) -> list[Row | None]:
        columns = [list(column) for column in zip(*(call.args for call in calls), strict=True)]
        if any(map(_nested, columns)):
            raise TypeError("a list would be a dimension of the array")
        rows = await self._session.fetch(self._batch.statement, *columns)
        found: list[Row | None] = [None] * len(calls)
        for row in rows:
            found[row[-1] - 1] = row[:-1]
        return found

    async def _write(self, calls: Sequence[_Call]) -> list[Row | None]:
        args = [(*call.args, index) for index, call in enumerate(calls)]
        unit = self._database.unit_of_work(settings=_SETTINGS)
        unit.session.transaction.where = self._statement.name
        async with unit:
            rows = await unit.session.fetchmany(self._batch.statement, args)
        found: list[Row | None] = [None] * len(calls)
        for row in rows:
            found[row[-1]] = row[:-1]
        return found


def _nested(column: list[Any]) -> bool:
    """Whether the driver would take a value for a dimension of the array, rather than refuse it."""
    types = set(map(type, column))
    return any(issubclass(type_, Collection) and not issubclass(type_, _PLAIN) for type_ in types)
