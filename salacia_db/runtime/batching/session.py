"""Batching: concurrent calls of one statement share it. Nobody waits for others to come.

A call that finds nothing under way runs at once, by itself. What is called meanwhile queues, and
is the next batch. So a lone caller pays nothing, and batches grow with the load.
"""

import asyncio
from asyncio import get_running_loop
from collections import deque
from collections.abc import Iterable
from contextvars import Context
from typing import TYPE_CHECKING, Any

from salacia_db.runtime.batching.sharing import Call, Runner
from salacia_db.runtime.connections.connection import NEVER
from salacia_db.runtime.errors import DeadlineExceeded, QueueFull, WriteDeadlineExceeded
from salacia_db.runtime.session import Session
from salacia_db.runtime.statement import Batch, Row, Statement
from salacia_db.runtime.unseen import forget

if TYPE_CHECKING:
    from salacia_db.runtime.database import Database
    from salacia_db.runtime.pooled import PooledSession

# For so many seconds all wait for the batch that runs: two or four at once hold fewer calls each,
# and were slower at any number of callers. Behind a lock, though, it would be for nothing.
_PATIENCE = 0.05


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
        try:
            queue = self._queues.get(statement)
            if queue is None or statement.writes:
                queue = self._queue(statement)
                if queue is None:
                    return await self._session.fetchrow(statement, *args)
            begun = queue.enter(args)
            if not isinstance(begun, _Run):
                return await begun
            try:
                return await self._session.fetchrow(statement, *args)
            finally:
                queue.end(begun)
        except BaseException as error:
            args = ()
            forget(error)
            raise

    def _queue(self, statement: Statement) -> "_Queue | None":
        """Where its calls queue; None where they run by themselves."""
        batch, database = statement.batch, self._database
        if batch is None or (statement.writes and database.hooks.plan(statement) is not None):
            return None
        queue = self._queues.get(statement)
        if queue is None:
            queue = _Queue(statement, batch, self._session, database)
            self._queues[statement] = queue
        return queue

    async def flush(self, timeout: float) -> None:
        """Waits so many seconds for the calls that queue or run now."""
        calls = [call.result for queue in self._queues.values() for call in queue.calls()]
        if calls:
            await asyncio.wait(calls, timeout=timeout)


class _Run:
    """A call by itself, or a worker with its batch; `since` is when what it runs now began."""

    __slots__ = ("calls", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.calls: list[Call] = []


class _Queue:
    """The calls of one statement. A task exists only while some of them wait or run.

    Each of `waiting` has its caller waiting with it, so that its length is their number, but for
    those who went away within the last `_PATIENCE` seconds.
    """

    def __init__(
        self,
        statement: Statement,
        batch: Batch,
        session: "PooledSession",
        database: "Database[Any]",
    ) -> None:
        self._statement = statement
        self._size = batch.size
        # Half of the pool is for others.
        self._most = max(1, database.pool.settings.max // 2)
        self._runner = Runner(statement, batch, session, database, most=self._most)
        self._pool = database.pool
        self._longest = database.settings.batch_queue
        self._timeout = statement.timeout or database.timeout
        self._running: set[_Run] = set()
        self._waiting: deque[Call] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._look: asyncio.TimerHandle | None = None
        self._alarm: asyncio.TimerHandle | None = None

    def calls(self) -> Iterable[Call]:
        """Those that have no answer yet."""
        sent = (call for run in self._running for call in run.calls)
        return [call for call in (*sent, *self._waiting) if not call.result.done()]

    def enter(self, args: Row) -> "_Run | asyncio.Future[Row | None]":
        """What to end after a call by itself; or, of a call that queues, what gets its outcome.

        Raises `QueueFull`, where too many wait already.
        """
        self._pool.check()
        loop, waiting = get_running_loop(), self._waiting
        now = loop.time()
        room = self._has_room(now)
        if room and not waiting:
            return self._begin(now)
        if len(waiting) >= self._longest:
            raise self._full()
        call = Call(args, loop.create_future(), now + self._timeout)
        waiting.append(call)
        full = len(waiting) % self._size == 0
        if room or (full and len(self._running) < self._most):
            self._start(now)
        if self._look is None:
            self._look = loop.call_later(_PATIENCE, self._overtake)
        if self._alarm is None and self._timeout != NEVER:
            self._alarm = loop.call_at(call.deadline, self._expire_late)
        return call.result

    def end(self, run: _Run) -> None:
        """What has queued meanwhile is next."""
        self._running.discard(run)
        if self._drop_done() and self._has_room(now := get_running_loop().time()):
            self._start(now)

    # --- inside -----------------------------------------------------------------------------------

    def _has_room(self, now: float) -> bool:
        """Whether nothing runs that is worth waiting for, and a connection is left to us."""
        late = now - _PATIENCE
        for run in self._running:
            if run.since > late:
                return False
        return len(self._running) < self._most

    def _full(self) -> QueueFull:
        name = self._statement.name
        return QueueFull(
            f"{name}: {self._longest} calls queue already, as many as batch_queue allows; "
            "it wasn't sent",
            statement=name,
        )

    def _drop_done(self) -> bool:
        """Whether anybody waits still: who was cancelled, or is too late, is left out."""
        waiting = self._waiting
        while waiting and waiting[0].result.done():
            waiting.popleft()
        return bool(waiting)

    def _begin(self, now: float) -> _Run:
        run = _Run(now)
        self._running.add(run)
        return run

    def _start(self, now: float) -> None:
        run = self._begin(now)
        # In a context of its own, since it works for many.
        task = get_running_loop().create_task(self._work(run), context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _overtake(self) -> None:
        """Where the last batch gets no answer, as behind a lock, the next doesn't wait for it."""
        self._look = None
        # Those in the middle, too, who would keep others out.
        self._waiting = deque(call for call in self._waiting if not call.result.done())
        if self._waiting:
            now = get_running_loop().time()
            if self._has_room(now):
                self._start(now)
            last = max(run.since for run in self._running)
            soon = max(last, now - _PATIENCE / 2)
            self._look = get_running_loop().call_at(soon + _PATIENCE, self._overtake)

    def _expire_late(self) -> None:
        """One timer serves all calls, whose deadlines are as far away for each."""
        now = get_running_loop().time()
        left = list[float]()
        for call in self.calls():
            if call.deadline <= now:
                self._expire(call)
            else:
                left.append(call.deadline)
        self._alarm = get_running_loop().call_at(min(left), self._expire_late) if left else None

    def _expire(self, call: Call) -> None:
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

    async def _work(self, run: _Run) -> None:
        try:
            while self._drop_done():
                run.calls = self._next()
                run.since = get_running_loop().time()
                try:
                    await self._runner.run(run.calls)
                except BaseException:
                    for call in run.calls:
                        call.result.cancel()  # this task was
                    raise
                finally:
                    run.calls = []
                # Who has got an answer and asks again at once belongs to the next batch.
                await asyncio.sleep(0)
        finally:
            self.end(run)

    def _next(self) -> list[Call]:
        waiting, calls = self._waiting, list[Call]()
        while waiting and len(calls) < self._size:
            call = waiting.popleft()
            if not call.result.done():
                call.sent = True
                calls.append(call)
        return calls
