"""A database pinned to one connection, inside a transaction that somebody else rolls back: tests.

Units of work are savepoints of it, and so is each lone statement, so that one which fails doesn't
spoil what follows. Where the outermost unit of a test ends, its after-commit hooks run.
"""

import asyncio
from collections import deque
from typing import Any, TypeVar, cast

import asyncpg
from msgspec.structs import replace

from salacia_db.config import PoolSettings
from salacia_db.runtime.connections import failures
from salacia_db.runtime.connections.connection import Connection, RawConnection
from salacia_db.runtime.connections.pool import Pool
from salacia_db.runtime.connections.watchdog import Watchdog
from salacia_db.runtime.database import Database
from salacia_db.runtime.errors import DatabaseError, PoolTimeout, UsageError
from salacia_db.runtime.pooled import PooledSession
from salacia_db.runtime.session import Method, Session
from salacia_db.runtime.statement import Row, Statement
from salacia_db.runtime.units.commit import Uninterrupted
from salacia_db.runtime.units.hooks import Hooks
from salacia_db.runtime.units.options import ISOLATIONS, Options, quote
from salacia_db.runtime.units.transaction import (
    ABORTED,
    BEGIN,
    COMMIT,
    ROLLBACK,
    Frame,
    Transaction,
)
from salacia_db.runtime.units.unit_of_work import UnitOfWork

D = TypeVar("D", bound=Database[Any])

_HELD_STATEMENTS = 1000
# What COMMIT would find wrong is found, and nothing else is changed.
_CHECK_DEFERRED = (
    "SAVEPOINT salacia_check; SET CONSTRAINTS ALL IMMEDIATE; "
    "ROLLBACK TO SAVEPOINT salacia_check; RELEASE SAVEPOINT salacia_check"
)


def pin(
    database: type[D],
    connection: asyncpg.Connection,
    *,
    hooks: Hooks | None = None,
    timeout: float = 30.0,
) -> D:
    """A database of this (generated) class over a connection whose transaction is open.

    It is open already, on the running event loop, and needs no closing. The connection remains
    the caller's. Tasks that use it wait for each other, for up to `timeout` seconds.
    """
    made = type(database.__name__, (_Pinned, database), {})(
        "postgresql://", profile="test", hooks=hooks, timeout=timeout
    )
    made.pool = _Pin(connection, timeout)
    made.session = _PinnedSession(made)
    return cast("D", made)


class _Pinned(Database[UnitOfWork]):
    """Comes before a generated Database class."""

    async def open(self) -> "_Pinned":
        return self

    def transaction(self, options: Options, where: str) -> Transaction:
        # What fails before the savepoint would end the test's own transaction.
        options = replace(options, defer_begin=False)
        return _PinnedTransaction(
            self.pool, self.open_connection, timeout=self.timeout, options=options, where=where
        )


class _PinnedSession(PooledSession):
    """Each statement in a unit of its own, that is, behind a savepoint."""

    __slots__ = ()

    @property
    def batched(self) -> Session:
        return self

    async def fetch(self, statement: Statement, *args: Any) -> list[Row]:
        async with self._unit() as unit:
            return await unit.session.fetch(statement, *args)

    async def fetchrow(self, statement: Statement, *args: Any) -> Row | None:
        async with self._unit() as unit:
            return await unit.session.fetchrow(statement, *args)

    async def execute(self, statement: Statement, *args: Any) -> int:
        async with self._unit() as unit:
            return await unit.session.execute(statement, *args)

    async def raw(self, method: Method, sql: str, args: Row, timeout: float | None) -> Any:
        async with self._unit() as unit:
            return await unit.session.raw(method, sql, args, timeout)


class _PinnedTransaction(Transaction):
    """Begins with a savepoint; COMMIT releases it, ROLLBACK goes back to it."""

    __slots__ = ("_before", "_name")

    async def enter(self, statement: Statement = BEGIN) -> Connection:
        if self.connection is None:
            self._name = f"salacia_{id(self):x}"
            self._before = await self._present_settings()
        return await super().enter(statement)

    def begin_sql(self) -> str:
        read_only = ("SET TRANSACTION READ ONLY",) if self.options.read_only else ()
        settings = self.options.settings_sql()
        return "; ".join((f"SAVEPOINT {self._name}", *read_only, *settings))

    async def rollback(self, error: BaseException | None) -> None:
        connection = self.connection
        self.end()
        if connection is not None:
            await self._go_back(connection)
            self.pool.put(connection)

    async def _commit(self, connection: Connection, frame: Frame) -> asyncio.CancelledError | None:
        connection.start(COMMIT, self.timeout)
        self.end()
        commands = [_CHECK_DEFERRED, *self._before, f"RELEASE SAVEPOINT {self._name}"]
        work = Uninterrupted(connection.raw.execute("; ".join(commands)))
        try:
            await work
        except Exception as error:
            failure = failures.explain(error, connection, COMMIT, ())
        else:
            self.pool.put(connection)
            return work.cancelled
        await self._go_back(connection)
        self.pool.put(connection)
        if isinstance(failure, DatabaseError) and failure.sqlstate == ABORTED:
            raise self._rolled_back("the unit of work", frame)
        raise failure

    async def _go_back(self, connection: Connection) -> None:
        connection.start(ROLLBACK, self.timeout)
        name = self._name
        try:
            await Uninterrupted(
                connection.raw.execute(f"ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}")
            )
        except Exception:
            # The test's own transaction is spoilt now, as its next statement will say.
            connection.raw.terminate()

    async def _present_settings(self) -> tuple[str, ...]:
        """The commands that put back what the unit's settings will change: RELEASE keeps them.

        Raises `UsageError` where the test's transaction isn't isolated as the unit has to be.
        """
        names = [quote(name) for name in self.options.settings]
        wanted = self.options.isolation
        if not names and wanted is None:
            return ()
        connection = self.pool.take() or await self.pool.acquire()
        try:
            asked = ["'transaction_isolation'", *names]
            values = ", ".join(f"current_setting({name}, true)" for name in asked)
            present: Any = await connection.raw.fetchrow(f"SELECT {values}")
        finally:
            self.pool.put(connection)
        if wanted is not None and ISOLATIONS.index(wanted) > ISOLATIONS.index(present[0]):
            raise UsageError(
                f"a unit of work with isolation {wanted!r} can't begin within this test's "
                f"transaction, which is {present[0]}: let the fixture salacia_isolation return "
                f"{wanted!r}, or use db_real"
            )
        if not names:
            return ()
        before = zip(names, present[1:], strict=True)
        calls = [f"set_config({name}, {quote(value or '')}, true)" for name, value in before]
        return (f"SELECT {', '.join(calls)}",)


class _PinnedConnection(Connection):
    """A connection that stays as long as the test, and may be a plain one of the driver's."""

    __slots__ = ()

    def forget_types(self) -> None:
        self.raw.get_settings().clear_type_cache()
        self.held.clear()
        self.full = False

    def learn_anew(self) -> bool:
        before = self.prepared_at < self.since
        self.forget_types()
        return before


class _Pin(Pool):
    """A pool of one connection, which the task that has it can take again."""

    def __init__(self, raw: asyncpg.Connection, timeout: float) -> None:
        super().__init__(PoolSettings(max=1, acquire=timeout), self._never)
        self._only = _PinnedConnection(cast("RawConnection", raw), limit=_HELD_STATEMENTS)
        # Its transaction is never committed, and whose types it knows doesn't matter.
        self._only.knows_incarnation = True
        self.connections = {self._only}
        self.watchdog = Watchdog(asyncio.get_running_loop(), self.connections)
        self._only.watchdog = self.watchdog
        self._owner: asyncio.Task[Any] | None = None
        self._depth = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    def take(self) -> Connection | None:
        task = asyncio.current_task()
        if self._owner not in (None, task):
            return None
        self._owner = task
        self._depth += 1
        return self._only

    async def acquire(self) -> Connection:
        try:
            async with asyncio.timeout(self.settings.acquire):
                while (connection := self.take()) is None:
                    waiter = asyncio.get_running_loop().create_future()
                    self._queue.append(waiter)
                    await waiter
        except TimeoutError:
            raise PoolTimeout(
                "the test's only connection is in use by another task: a test that needs several "
                "connections needs a database of its own"
            ) from None
        return connection

    def put(self, connection: Connection) -> None:
        connection.deadline = float("inf")
        connection.where = None
        self._depth -= 1
        if self._depth == 0:
            self._owner = None
            while self._queue:
                waiter = self._queue.popleft()
                if not waiter.done():
                    waiter.set_result(None)
                    break

    async def release(self, connection: Connection) -> None:
        self.put(connection)

    def mend(self, connection: Connection) -> None:
        self.put(connection)

    def drop(self, connection: Connection) -> None:
        self.put(connection)

    async def _never(self) -> Connection:
        raise AssertionError("a pinned database opens no connection")
