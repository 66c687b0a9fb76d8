"""Sessions that tell a watcher of each call. Chosen where something is measured or logged."""

from collections.abc import AsyncGenerator, Callable, Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from salacia_db.runtime.bulk.given import CopyTarget, Output, Rows
from salacia_db.runtime.pooled import PooledSession
from salacia_db.runtime.session import Method
from salacia_db.runtime.statement import RAW, Row, Statement
from salacia_db.runtime.stream import Stream
from salacia_db.runtime.units.hooks import Hooks
from salacia_db.runtime.units.session import TransactionSession
from salacia_db.runtime.units.transaction import Transaction
from salacia_db.runtime.unseen import unseen
from salacia_db.runtime.watching.watcher import Watcher

if TYPE_CHECKING:
    from salacia_db.runtime.database import Database

T = TypeVar("T")


class WatchedPooledSession(PooledSession):
    """What runs in a unit of work of its own is told of there."""

    __slots__ = ("_timed",)

    def __init__(self, database: "Database[Any]", watcher: Watcher) -> None:
        super().__init__(database)
        self._timed = watcher.timed

    @unseen
    async def fetch(self, statement: Statement, *args: Any) -> list[Row]:
        work = super().fetch(statement, *args)
        return await (work if self._delegates(statement) else self._timed(statement, work))

    @unseen
    async def fetchrow(self, statement: Statement, *args: Any) -> Row | None:
        work = super().fetchrow(statement, *args)
        return await (work if self._delegates(statement) else self._timed(statement, work))

    @unseen
    async def execute(self, statement: Statement, *args: Any) -> int:
        work = super().execute(statement, *args)
        return await (work if self._delegates(statement) else self._timed(statement, work))

    @unseen
    async def raw(self, method: Method, sql: str, args: Row, timeout: float | None) -> Any:
        return await self._timed(RAW, super().raw(method, sql, args, timeout))

    def _delegates(self, statement: Statement) -> bool:
        return bool(statement.writes) and self._hooks.plan(statement) is not None


class WatchedTransactionSession(TransactionSession):
    """The time of a statement includes that of its hooks."""

    __slots__ = ("_tell", "_timed")

    def __init__(
        self, transaction: Transaction, hooks: Hooks, watcher: Watcher, *, limit: int = 0
    ) -> None:
        super().__init__(transaction, hooks, limit=limit)
        self._timed = watcher.timed
        self._tell = watcher.tell

    @unseen
    async def fetch(self, statement: Statement, *args: Any) -> list[Row]:
        return await self._timed(statement, super().fetch(statement, *args))

    @unseen
    async def fetchrow(self, statement: Statement, *args: Any) -> Row | None:
        return await self._timed(statement, super().fetchrow(statement, *args))

    @unseen
    async def execute(self, statement: Statement, *args: Any) -> int:
        return await self._timed(statement, super().execute(statement, *args))

    @unseen
    async def fetchmany(
        self, statement: Statement, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> list[Row]:
        return await self._timed(statement, super().fetchmany(statement, rows, take))

    @unseen
    async def pipelined(self, statement: Statement, rows: list[Row]) -> list[Row]:
        return await self._timed(statement, super().pipelined(statement, rows))

    @unseen
    async def executemany(
        self, statement: Statement, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> int:
        return await self._timed(statement, super().executemany(statement, rows, take))

    @unseen
    async def copy(
        self, statement: Statement, target: CopyTarget, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> int:
        return await self._timed(statement, super().copy(statement, target, rows, take))

    @unseen
    async def copy_out(self, statement: Statement, args: Row, to: Output) -> int:
        return await self._timed(statement, super().copy_out(statement, args, to))

    @unseen
    async def raw(self, method: Method, sql: str, args: Row, timeout: float | None) -> Any:
        return await self._timed(RAW, super().raw(method, sql, args, timeout))

    def stream(
        self, statement: Statement, args: Row, build: Callable[[Iterable[Row]], list[T]]
    ) -> Stream[T]:
        inner = super().stream(statement, args, build)

        async def chunks() -> AsyncGenerator[list[T], None]:
            began = perf_counter()
            failure: BaseException | None = None
            try:
                async for chunk in inner.chunks():
                    yield chunk
            except Exception as error:
                failure = error
                raise
            finally:
                self._tell(statement, perf_counter() - began, failure)

        return Stream(chunks)
