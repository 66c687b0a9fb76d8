"""A transaction: one connection from BEGIN to COMMIT or ROLLBACK, with savepoints between."""

import asyncio
from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from time import monotonic
from typing import Any
from weakref import ref

import asyncpg

from salacia_db.runtime.connections import failures, loss
from salacia_db.runtime.connections.connection import INCARNATION, Connection
from salacia_db.runtime.connections.pool import Pool
from salacia_db.runtime.errors import (
    CommitOutcomeUnknown,
    ConcurrentUse,
    ConnectionLost,
    DatabaseError,
    Outcome,
    ReadOnlyTransaction,
    TransactionRolledBack,
    UsageError,
    WrongEventLoop,
    retry_safe,
)
from salacia_db.runtime.statement import Statement
from salacia_db.runtime.units.commit import Uninterrupted, outcome
from salacia_db.runtime.units.late import Callbacks
from salacia_db.runtime.units.options import Options

BEGIN = Statement("BEGIN", "begin", clean=True)
SAVEPOINT = Statement("SAVEPOINT", "savepoint", clean=True)
COMMIT = Statement("COMMIT", "commit", clean=True)
ROLLBACK = Statement("ROLLBACK", "rollback", clean=True)
XID = Statement(
    "salacia_db.xid",
    "-- salacia_db.xid\nselect pg_current_xact_id_if_assigned()",
    read_only=True,
    clean=True,
)
# Through a pooler, which server it is must be asked in the transaction itself.
_XID_THERE = Statement(
    "salacia_db.xid",
    f"-- salacia_db.xid\nselect pg_current_xact_id_if_assigned(), ({INCARNATION})",
    read_only=True,
    clean=True,
)
_ISOLATION = Statement(
    "salacia_db.isolation",
    "-- salacia_db.isolation\nselect current_setting('default_transaction_isolation')",
    read_only=True,
    clean=True,
)
ABORTED = "25P02"  # in_failed_sql_transaction
# So long an ordinary ROLLBACK may take, and a lookup is tried after COMMIT's deadline.
_ROLLBACK_TIMEOUT = 5.0
_LAST_LOOK = 0.15
_LONGEST_LOOK = 30.0


class Frame:
    """A level of a transaction: the whole, or what follows a savepoint.

    `open`: the server knows of it. `error`: what the server refused in it. `cancelled`: a
    call in it was, so that nobody knows what was done, and it must be rolled back. `unit` is the
    unit of work that it belongs to. `marks` are the savepoints of bulk calls in it, the outermost
    first; `marking` is what the server has yet to learn of them; `calls` so many run now.
    """

    __slots__ = ("callbacks", "calls", "cancelled", "error", "marking", "marks", "open", "unit")

    def __init__(self, unit: Any) -> None:
        self.unit = unit
        self.open = False
        self.cancelled = False
        self.error: BaseException | None = None
        self.marks: list[str] = []
        self.marking: list[str] = []
        self.calls = 0
        self.callbacks = Callbacks()


class Transaction:
    """What a unit of work and those nested in it share.

    Nothing is sent before the first statement. `stale` says that something must be sent before
    the next one: BEGIN, a savepoint, the rollback to one. `begun`: BEGIN has been sent. `xid` is
    the transaction's number once it is known; `unproven`: a statement ran that may have written
    without telling the number.
    """

    __slots__ = (
        "begun",
        "busy",
        "connect",
        "connection",
        "frames",
        "loop",
        "options",
        "pending",
        "pool",
        "stale",
        "timeout",
        "unproven",
        "where",
        "xid",
    )

    def __init__(
        self,
        pool: Pool,
        connect: Callable[[], Awaitable[Connection]],
        *,
        timeout: float,
        options: Options,
        where: str,
    ) -> None:
        self.pool = pool
        self.connect = connect
        self.timeout = timeout
        self.options = options
        self.where = where
        self.loop: asyncio.AbstractEventLoop | None = None
        self.connection: Connection | None = None
        self.frames: list[Frame] = []
        self.pending: list[str] = []
        self.stale = True
        self.begun = False
        self.busy = False
        self.xid: int | None = None
        self.unproven = False

    def __del__(self) -> None:
        if self.connection is not None:
            self.pool.abandoned(self.connection)

    # --- before and after a statement -------------------------------------------------------------

    def check(self) -> None:
        """Raises what is wrong with using this transaction now, if anything is."""
        if not self.frames:
            raise UsageError(f"the unit of work of {self.where} is not open")
        if get_running_loop() is not self.loop:
            raise WrongEventLoop(f"the unit of work of {self.where} began on another event loop")
        if self.busy:
            raise ConcurrentUse(
                f"the unit of work of {self.where} is used by two tasks at once: "
                "give each its own, or await one after the other"
            )

    def begin_sql(self) -> str:
        """What opens the transaction."""
        return self.options.begin_sql()

    async def enter(self, statement: Statement = BEGIN) -> Connection:
        """The connection, once the server knows of all that must precede the statement.

        That is the transaction and all its savepoints, or nothing yet where BEGIN is deferred.
        """
        connection = self.connection or await self._borrow()
        commands: list[str] = []
        if not self.begun or not self.frames[0].open:
            self._check_intact(statement)
        if not self.begun:
            if self.options.defer_begin:
                await self._check_isolation(connection)
                if statement.before_begin:
                    return connection
            commands.append(self.begin_sql())
            self.begun = True
        commands += self.pending
        for number, frame in enumerate(self.frames):
            if number and not frame.open:
                commands.append(f"SAVEPOINT s{number}")
            commands += frame.marking
        connection.start(SAVEPOINT if self.frames[0].open else BEGIN, self.timeout)
        try:
            if not connection.knows_incarnation and not self.frames[0].open:
                await connection.learn_incarnation()
            await connection.command("; ".join(commands))
        except asyncio.CancelledError:
            self.frames[0].cancelled = True
            self.frames[0].open = False
            raise
        for frame in self.frames:
            frame.open = True
            frame.marking.clear()
        self.pending.clear()
        self.stale = False
        return connection

    async def _borrow(self) -> Connection:
        connection = self.pool.take() or await self.pool.acquire()
        task = asyncio.current_task()
        connection.where = self.where
        connection.task = None if task is None else ref(task)
        connection.since = monotonic()
        self.connection = connection
        return connection

    def _check_intact(self, statement: Statement) -> None:
        """What failed before BEGIN, or in it, ends the unit as it would end the transaction.

        Where that, or a savepoint, was cancelled, nobody knows in what the next one would run.
        """
        for frame in self.frames:
            if self.begun or frame.error is not None:
                raise DatabaseError(
                    f"{statement.name}: an earlier error has ended the unit of work; put what may "
                    "fail into a nested one",
                    sqlstate=ABORTED,
                    statement=statement.name,
                )

    async def _check_isolation(self, connection: Connection) -> None:
        """Raises `UsageError` where BEGIN would not give READ COMMITTED, so can't be deferred."""
        if self.options.isolation is not None:
            return
        if connection.isolation is None:
            asked = connection.start(_ISOLATION, self.timeout)
            prepared = asked or await connection.prepare(_ISOLATION)
            connection.isolation = await prepared.fetchval()
        if connection.isolation != "read committed":
            raise UsageError(
                f"defer_begin is for READ COMMITTED, and this database's default is "
                f"{str(connection.isolation).upper()}: say isolation='read committed' if that is "
                "meant, or leave defer_begin out"
            )

    def failed(
        self, connection: Connection | None, statement: Statement, args: Any, error: BaseException
    ) -> BaseException:
        """The error to raise for what a statement raised; the same one, if it needs no words."""
        connection = connection or self.connection
        if connection is None:
            return error
        connection.rest()
        frame = self.frames[-1] if self.frames else Frame(None)
        if not isinstance(error, Exception):
            frame.cancelled = True
            return error
        server = loss.from_server(error)
        failure = failures.explain(error, connection, statement, args)
        aborted = getattr(error, "sqlstate", None) == ABORTED
        if connection.raw.is_closed() or (server and not aborted):
            frame.error = failure
        if isinstance(failure, ReadOnlyTransaction) and not self.options.read_only:
            self.pool.doubt(connection)
        return failure

    def misread(self, failure: BaseException) -> bool:
        """Whether only the driver's idea of a type was wrong, so that reading again is right."""
        # What the server has said ends the transaction; this came from the driver alone.
        intact = not self.frames or self.frames[-1].error is None
        return intact and failures.outdated(failure)

    async def command(self, sql: str | None) -> None:
        """Runs a command of ours, if any, after what must come before it. Raises our errors."""
        self.check()
        self.busy = True
        connection = self.connection
        try:
            connection = await self.enter() if self.stale else self.connection
            if sql is not None and connection is not None:
                connection.start(SAVEPOINT, self.timeout)
                await connection.command(sql)
                connection.rest()
        except BaseException as error:
            failure = self.failed(connection, SAVEPOINT, (), error)
            if failure is error:
                raise
        else:
            return
        finally:
            self.busy = False
        raise failure

    # --- levels -----------------------------------------------------------------------------------

    def push(self, unit: Any) -> Frame:
        """Opens a level; the server learns of it with the next statement."""
        if self.frames:
            self.check()
        else:
            self.loop = get_running_loop()
        frame = Frame(unit)
        self.frames.append(frame)
        self.stale = True
        return frame

    async def keep(self, frame: Frame) -> None:
        """Ends the innermost level and keeps what it did; else rolls it back and raises."""
        self.check()
        name = f"s{len(self.frames) - 1}"
        if frame.open and not frame.cancelled:
            try:
                await self.command(f"RELEASE SAVEPOINT {name}")
            except BaseException as error:
                if getattr(error, "sqlstate", None) != ABORTED:
                    self._merge(frame)
                    raise
            else:
                self.frames.pop()
                self.frames[-1].callbacks.extend(frame.callbacks)
                return
        elif not frame.cancelled and frame.error is None:
            self.frames.pop()
            self.frames[-1].callbacks.extend(frame.callbacks)
            self._refresh()
            return
        self.undo(frame)
        raise self._rolled_back("the nested unit of work", frame)

    def _merge(self, frame: Frame) -> None:
        """Ends the innermost level where nobody knows whether the server has: both are undone."""
        self.frames.pop()
        around = self.frames[-1]
        around.cancelled |= frame.cancelled
        around.error = around.error or frame.error
        self._refresh()

    def undo(self, frame: Frame) -> None:
        """Rolls back a level and those within: the server learns of it with the next statement."""
        index = self.frames.index(frame)
        if frame.open:
            self.pending.append(f"ROLLBACK TO SAVEPOINT s{index}; RELEASE SAVEPOINT s{index}")
        del self.frames[index:]
        self._refresh()

    @contextmanager
    def whole_call(self) -> Generator[str]:
        """A call of several statements: where it fails, what it did so far is undone.

        Gives the name of its savepoint, which stays until the next such call.
        """
        frame = self.frames[-1]
        # A call that another one's rows come from is within that one.
        name = f"salacia_call_{frame.calls}"
        frame.calls += 1
        self.mark(name)
        try:
            yield name
        except BaseException:
            # What the server refused can't be kept anyway; this came from elsewhere.
            if self.frames[-1:] == [frame] and frame.error is None:
                self.rewind(name)
            raise
        finally:
            frame.calls -= 1

    def mark(self, name: str) -> None:
        """Sets a savepoint in the innermost level, with the next statement.

        An older one of this name, and those set after it, are given up: what they hold is kept.
        """
        frame = self.frames[-1]
        if name in frame.marks:
            del frame.marks[frame.marks.index(name) :]
            frame.marking.append(f"RELEASE SAVEPOINT {name}")
        frame.marks.append(name)
        frame.marking.append(f"SAVEPOINT {name}")
        self.stale = True

    def rewind(self, name: str) -> None:
        """Undoes what was done since `mark(name)`, with the next statement."""
        frame = self.frames[-1]
        del frame.marks[frame.marks.index(name) + 1 :]
        frame.error = None
        frame.marking.append(f"ROLLBACK TO SAVEPOINT {name}")
        self.stale = True

    def _refresh(self) -> None:
        sent = all(frame.open and not frame.marking for frame in self.frames)
        self.stale = bool(self.pending) or not sent

    # --- the end ----------------------------------------------------------------------------------

    async def commit(self) -> asyncio.CancelledError | None:
        """Commits. Returns only if that is certain; whatever it raises, nothing was kept.

        Except for `CommitOutcomeUnknown`, of course. A cancellation that came meanwhile is
        returned, for the caller to raise.
        """
        try:
            self.check()
        except ConcurrentUse:
            await self.rollback(None)
            raise
        connection, frame = self.connection, self.frames[0]
        if connection is None:
            self.end()
            return None
        if not self.begun and not frame.cancelled and frame.error is None:
            self.end()
            return await self._give_back(connection)
        if not self.begun or frame.cancelled or connection.raw.is_closed():
            await self.rollback(None)
            if self.begun and not frame.cancelled and frame.error is None:
                raise ConnectionLost(
                    f"the connection of the unit of work of {self.where} was closed before COMMIT; "
                    "nothing was kept"
                )
            raise self._rolled_back("the unit of work", frame)
        try:
            if self.pending or frame.marking:
                await self.command(None)
            if self.unproven if self.xid is None else connection.wanders:
                await self._learn_xid(connection, frame)
        except BaseException:
            await self.rollback(None)
            raise
        if not connection.raw.is_in_transaction():
            await self.rollback(None)
            raise UsageError(
                f"the unit of work of {self.where} was ended by raw SQL: leave COMMIT and "
                "ROLLBACK to it, or use a connection of your own"
            )
        return await self._commit(connection, frame)

    async def rollback(self, error: BaseException | None) -> None:
        """Rolls back, at once where that can be waited for; else the pool sees to it."""
        connection, busy = self.connection, self.busy
        cancelled = any(frame.cancelled for frame in self.frames)
        self.end()
        if connection is None:
            return
        if busy:
            # Another task is still using it.
            connection.raw.terminate()
            self.pool.drop(connection)
        elif cancelled or connection.raw.is_closed() or not isinstance(error, Exception | None):
            self.pool.mend(connection)
        elif not self.begun:
            await self.pool.release(connection)
        else:
            connection.start(ROLLBACK, min(self.timeout, _ROLLBACK_TIMEOUT))
            try:
                await connection.command("ROLLBACK")
            except asyncio.CancelledError:
                self.pool.mend(connection)
                raise
            except Exception:
                self.pool.drop(connection)
            else:
                await self.pool.release(connection)

    def end(self) -> None:
        """Nothing can be run any more."""
        for frame in self.frames:
            frame.unit = None  # which knows its frame: no circle is left to the collector
        self.frames = []
        self.connection = None
        self.stale = True

    async def _learn_xid(self, connection: Connection, frame: Frame) -> None:
        if frame.error is not None or connection.incarnation is None:
            return
        self.busy = True
        failure: BaseException | None = None
        try:
            asked = _XID_THERE if connection.wanders else XID
            prepared = connection.start(asked, self.timeout) or await connection.prepare(asked)
            self.xid, *server = await prepared.fetchrow()
            if server:
                (connection.incarnation,) = server
            connection.rest()
        except asyncpg.InFailedSQLTransactionError:
            connection.rest()  # COMMIT will say so
        except BaseException as error:
            failure = self.failed(connection, XID, (), error)
            if failure is error:
                raise
        else:
            return
        finally:
            self.busy = False
        if failure is not None:
            raise failure

    async def _commit(self, connection: Connection, frame: Frame) -> asyncio.CancelledError | None:
        connection.start(COMMIT, self.timeout)
        began = monotonic()
        self.end()
        work = Uninterrupted(connection.command("COMMIT"))
        try:
            tag = await work
        except Exception as error:
            known = failures.refused(error, connection)
            failure = failures.explain(error, connection, COMMIT, ())
        else:
            if tag in ("COMMIT", "ROLLBACK"):
                cancelled = work.cancelled
                if connection.dirty:
                    cancelled = await self._give_back(connection) or cancelled
                else:
                    self.pool.put(connection)
                if tag == "COMMIT":
                    return cancelled
                raise self._rolled_back("the unit of work", frame)
            known, failure = False, ConnectionLost("COMMIT: the reply makes no sense")
        if known:
            self.pool.mend(connection)
            raise failure
        self.pool.drop(connection)
        left = max(began + min(self.timeout, _LONGEST_LOOK) - monotonic(), _LAST_LOOK)
        found, cancelled = await self._look_up(connection.incarnation, left)
        if found == "committed":
            return cancelled or work.cancelled
        if found == "aborted":
            raise ConnectionLost("the connection was lost during COMMIT; it was not carried out")
        raise self._unknown(failure, connection.incarnation)

    async def _give_back(self, connection: Connection) -> asyncio.CancelledError | None:
        try:
            await self.pool.release(connection)
        except asyncio.CancelledError as error:
            return error
        return None

    async def _look_up(
        self, incarnation: str | None, seconds: float
    ) -> tuple[Outcome, asyncio.CancelledError | None]:
        if self.xid is None or incarnation is None:
            # Nothing that could be lost, if nothing was written.
            return ("unknown" if self.unproven or self.xid else "aborted"), None
        task = asyncio.ensure_future(outcome(self.connect, self.xid, incarnation, seconds))
        waiting = Uninterrupted(asyncio.wait({task}))
        await waiting
        return ("unknown" if task.cancelled() else task.result()), waiting.cancelled

    def _unknown(self, failure: BaseException, incarnation: str | None) -> CommitOutcomeUnknown:
        unknown = CommitOutcomeUnknown(
            f"the unit of work of {self.where}: the reply to COMMIT was lost, and whether it was "
            "carried out can't be found out now",
            xid=self.xid,
            incarnation=incarnation,
        )
        unknown.__cause__ = failure
        return unknown

    def _rolled_back(self, what: str, frame: Frame) -> TransactionRolledBack:
        why = "a call in it was cancelled" if frame.cancelled else "an error in it was swallowed"
        error = TransactionRolledBack(
            f"{what} of {self.where} was rolled back, though it ended normally: {why}; "
            "put what may fail into a nested unit of work"
        )
        error.__cause__ = frame.error
        error.retry_safe = frame.error is not None and retry_safe(frame.error)
        return error
