"""A database's session: each statement on a connection of the pool, in its own transaction."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from salacia_db.runtime.batching.session import BatchedSession
from salacia_db.runtime.bulk.given import CopyTarget, Output, Rows
from salacia_db.runtime.connections import failures
from salacia_db.runtime.connections.connection import Connection
from salacia_db.runtime.errors import (
    CommitOutcomeUnknown,
    ConnectionLost,
    DeadlineExceeded,
    ReadOnlyTransaction,
    SchemaChanged,
    TooManyRows,
    UsageError,
    WriteDeadlineExceeded,
)
from salacia_db.runtime.result import affected
from salacia_db.runtime.session import Method, Session
from salacia_db.runtime.statement import RAW, Row, Statement
from salacia_db.runtime.stream import Stream
from salacia_db.runtime.unseen import forget, unseen

if TYPE_CHECKING:
    from salacia_db.runtime.database import Database
    from salacia_db.runtime.units.unit_of_work import UnitOfWork

T = TypeVar("T")


class PooledSession(Session):
    """What `db.<group>` runs on.

    A call costs the driver's, and little else: a free connection is popped, its prepared statement
    looked up, the deadline written, the connection pushed back. Where hooks are interested, the
    statement runs in a unit of work of its own; bulk calls do, too, so that their outcome is known.
    """

    __slots__ = ("_attempts", "_batched", "_database", "_hooks", "_limit", "_pool", "_timeout")

    def __init__(self, database: "Database[Any]") -> None:
        self._database = database
        self._pool = database.pool
        self._hooks = database.hooks
        self._timeout = database.timeout
        self._limit = database.settings.fetch_limit
        # What changes in the schema each connection may notice for itself: first that a statement
        # has another result, then that a type has.
        self._attempts = 2 * database.settings.pool.max + 1
        self._batched = BatchedSession(self, database)

    @property
    def batched(self) -> Session:
        return self._batched

    async def flush(self, timeout: float) -> None:
        """Waits so many seconds for the calls that queue for a batch, or run in one."""
        await self._batched.flush(timeout)

    async def fetch(self, statement: Statement, *args: Any) -> list[Row]:
        try:
            if statement.writes and self._hooks.plan(statement) is not None:
                return await self._whole(lambda unit: unit.session.fetch(statement, *args))
            pool = self._pool
            left = self._attempts
            limit = self._limit if statement.limited else 0
            while True:
                connection = pool.take() or await pool.acquire()
                try:
                    prepared = connection.start(statement, self._timeout)
                    if prepared is None:
                        prepared = await connection.prepare(statement)
                    rows: list[Row]
                    rows, _, _ = await connection.bind_execute(
                        prepared._state, args, "", limit, True, None
                    )
                except BaseException as error:
                    failure = self._failed(connection, statement, args, error)
                    if failure is error:
                        raise
                else:
                    if connection.dirty:
                        await pool.release(connection)
                    else:
                        pool.put(connection)
                    if limit and len(rows) == limit:
                        rows = []
                        raise TooManyRows(statement.name, limit - 1)
                    return rows
                left -= 1
                if left == 0 or not failures.outdated(failure):
                    # Not in the handler: the driver's error shows values, and would be its context.
                    raise failure
        except BaseException as error:
            args = ()
            forget(error)
            raise

    async def fetchrow(self, statement: Statement, *args: Any) -> Row | None:
        try:
            if statement.writes and self._hooks.plan(statement) is not None:
                return await self._whole(lambda unit: unit.session.fetchrow(statement, *args))
            pool = self._pool
            left = self._attempts
            while True:
                connection = pool.take() or await pool.acquire()
                try:
                    prepared = connection.start(statement, self._timeout)
                    if prepared is None:
                        prepared = await connection.prepare(statement)
                    rows: list[Row]
                    rows, _, _ = await connection.bind_execute(
                        prepared._state, args, "", statement.first, True, None
                    )
                except BaseException as error:
                    failure = self._failed(connection, statement, args, error)
                    if failure is error:
                        raise
                else:
                    if connection.dirty:
                        await pool.release(connection)
                    else:
                        pool.put(connection)
                    return rows[0] if rows else None
                left -= 1
                if left == 0 or not failures.outdated(failure):
                    raise failure
        except BaseException as error:
            args = ()
            forget(error)
            raise

    async def execute(self, statement: Statement, *args: Any) -> int:
        try:
            if statement.writes and self._hooks.plan(statement) is not None:
                return await self._whole(lambda unit: unit.session.execute(statement, *args))
            pool = self._pool
            left = self._attempts
            while True:
                connection = pool.take() or await pool.acquire()
                try:
                    prepared = connection.start(statement, self._timeout)
                    if prepared is None:
                        prepared = await connection.prepare(statement)
                    state = prepared._state
                    _, tag, _ = await connection.bind_execute(state, args, "", 0, True, None)
                except BaseException as error:
                    failure = self._failed(connection, statement, args, error)
                    if failure is error:
                        raise
                else:
                    await pool.release(connection)
                    return affected(tag)
                left -= 1
                if left == 0 or not failures.outdated(failure):
                    raise failure
        except BaseException as error:
            args = ()
            forget(error)
            raise

    @unseen
    async def fetchmany(
        self, statement: Statement, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> list[Row]:
        return await self._whole(
            lambda unit: unit.session.fetchmany(statement, rows, take), given=rows
        )

    @unseen
    async def executemany(
        self, statement: Statement, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> int:
        return await self._whole(
            lambda unit: unit.session.executemany(statement, rows, take), given=rows
        )

    @unseen
    async def copy(
        self, statement: Statement, target: CopyTarget, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> int:
        return await self._whole(
            lambda unit: unit.session.copy(statement, target, rows, take), given=rows
        )

    @unseen
    async def copy_out(self, statement: Statement, args: Row, to: Output) -> int:
        async with self._unit(read_only=True) as unit:
            return await unit.session.copy_out(statement, args, to)

    @unseen
    async def raw(self, method: Method, sql: str, args: Row, timeout: float | None) -> Any:
        pool = self._pool
        # Several commands, of which one may have committed, come without arguments.
        left = self._attempts if args or method != "execute" else 1
        while True:
            connection = pool.take() or await pool.acquire()
            try:
                connection.start_raw(sql, timeout or self._timeout)
                result = await getattr(connection.raw, method)(sql, *args)
            except BaseException as error:
                failure = self._failed(connection, RAW, args, error)
                if failure is error:
                    raise
            else:
                left_open = connection.raw.is_in_transaction()
                await pool.release(connection)
                if left_open:
                    raise UsageError(
                        "raw SQL began a transaction and didn't end it, so that it was rolled "
                        "back: use `async with db.unit_of_work()`"
                    )
                return affected(result) if method == "execute" else result
            left -= 1
            if left == 0 or not failures.outdated(failure):
                raise failure

    def stream(
        self, statement: Statement, args: Row, build: Callable[[Iterable[Row]], list[T]]
    ) -> Stream[T]:
        async def chunks() -> AsyncGenerator[list[T], None]:
            left = self._attempts
            while left:
                left -= 1
                try:
                    async with self._unit(read_only=True) as unit:
                        inner = unit.session.stream(statement, args, build)
                        async for chunk in inner.chunks():
                            left = 0
                            connection = unit.session.transaction.connection
                            if connection is not None:
                                # A loop that is left early gives it back by itself: no wait for
                                # ever.
                                connection.task = None
                            yield chunk
                except SchemaChanged:
                    if left == 0:
                        raise
                else:
                    return

        return Stream(chunks)

    @unseen
    async def _whole(
        self, work: "Callable[[UnitOfWork], Awaitable[T]]", *, given: Rows[Any] = ()
    ) -> T:
        """What the work gives, in a unit of its own; again, where the schema has changed.

        Only if what the caller has `given` can be gone through again.
        """
        left = self._attempts if isinstance(given, Collection) else 1
        while True:
            left -= 1
            try:
                async with self._unit() as unit:
                    return await work(unit)
            except SchemaChanged:
                if left == 0:
                    raise

    def _unit(self, *, read_only: bool = False) -> "UnitOfWork":
        unit: UnitOfWork = self._database.unit_of_work(read_only=read_only)
        return unit

    def _failed(
        self, connection: Connection, statement: Statement, args: Any, error: BaseException
    ) -> BaseException:
        """Takes the connection back; the error to raise, the same one if it needs no words."""
        pool = self._pool
        if not isinstance(error, Exception):
            pool.mend(connection)
            return error
        unsent = failures.never_sent(error)
        failure = failures.explain(error, connection, statement, args)
        if isinstance(failure, (ConnectionLost, DeadlineExceeded)):
            pool.drop(connection)
            return failure if statement.read_only or unsent else _unknown(failure, statement)
        if isinstance(failure, ReadOnlyTransaction):
            pool.doubt(connection)
        if connection.dirty:
            pool.mend(connection)
        else:
            pool.put(connection)
        return failure


def _unknown(failure: BaseException, statement: Statement) -> CommitOutcomeUnknown:
    unknown: CommitOutcomeUnknown
    if isinstance(failure, DeadlineExceeded):
        unknown = WriteDeadlineExceeded(
            f"{failure}; it may have been carried out", statement=statement.name
        )
    else:
        unknown = CommitOutcomeUnknown(f"{failure}; the statement may have been carried out")
    unknown.__cause__ = failure
    return unknown
