"""Sessions that log statements: names and durations, never values. Off unless asked for."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from time import perf_counter
from typing import Any, TypeVar

from salacia_db.runtime.bulk.given import CopyTarget, Output, Rows
from salacia_db.runtime.pooled import PooledSession
from salacia_db.runtime.session import Method
from salacia_db.runtime.statement import Row, Statement
from salacia_db.runtime.stream import Stream
from salacia_db.runtime.units.session import TransactionSession

T = TypeVar("T")

_log = logging.getLogger("salacia_db.statements")
_RAW = "raw SQL"


async def _timed(name: str, work: Awaitable[T]) -> T:
    began = perf_counter()
    try:
        result = await work
    except BaseException as error:
        _log.info("%s %.1f ms %s", name, _since(began), type(error).__name__)
        raise
    _log.info("%s %.1f ms", name, _since(began))
    return result


def _since(began: float) -> float:
    return (perf_counter() - began) * 1000


class LoggedPooledSession(PooledSession):
    """What runs in a unit of work of its own is logged there."""

    __slots__ = ()

    async def fetch(self, statement: Statement, *args: Any) -> list[Row]:
        work = super().fetch(statement, *args)
        return await (work if self._delegates(statement) else _timed(statement.name, work))

    async def fetchrow(self, statement: Statement, *args: Any) -> Row | None:
        work = super().fetchrow(statement, *args)
        return await (work if self._delegates(statement) else _timed(statement.name, work))

    async def execute(self, statement: Statement, *args: Any) -> int:
        work = super().execute(statement, *args)
        return await (work if self._delegates(statement) else _timed(statement.name, work))

    async def raw(self, method: Method, sql: str, args: Row, timeout: float | None) -> Any:
        return await _timed(_RAW, super().raw(method, sql, args, timeout))

    def _delegates(self, statement: Statement) -> bool:
        return bool(statement.writes) and self._hooks.plan(statement) is not None


class LoggedTransactionSession(TransactionSession):
    """The time of a statement includes that of its hooks."""

    __slots__ = ()

    async def fetch(self, statement: Statement, *args: Any) -> list[Row]:
        return await _timed(statement.name, super().fetch(statement, *args))

    async def fetchrow(self, statement: Statement, *args: Any) -> Row | None:
        return await _timed(statement.name, super().fetchrow(statement, *args))

    async def execute(self, statement: Statement, *args: Any) -> int:
        return await _timed(statement.name, super().execute(statement, *args))

    async def fetchmany(
        self, statement: Statement, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> list[Row]:
        return await _timed(statement.name, super().fetchmany(statement, rows, take))

    async def pipelined(self, statement: Statement, rows: list[Row]) -> list[Row]:
        return await _timed(statement.name, super().pipelined(statement, rows))

    async def executemany(
        self, statement: Statement, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> int:
        return await _timed(statement.name, super().executemany(statement, rows, take))

    async def copy(
        self, statement: Statement, target: CopyTarget, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> int:
        return await _timed(statement.name, super().copy(statement, target, rows, take))

    async def copy_out(self, statement: Statement, args: Row, to: Output) -> int:
        return await _timed(statement.name, super().copy_out(statement, args, to))

    async def raw(self, method: Method, sql: str, args: Row, timeout: float | None) -> Any:
        return await _timed(_RAW, super().raw(method, sql, args, timeout))

    def stream(
        self, statement: Statement, args: Row, build: Callable[[Iterable[Row]], list[T]]
    ) -> Stream[T]:
        inner = super().stream(statement, args, build)

        async def chunks() -> AsyncGenerator[list[T], None]:
            began = perf_counter()
            try:
                async for chunk in inner.chunks():
                    yield chunk
            finally:
                _log.info("%s %.1f ms", statement.name, _since(began))

        return Stream(chunks)
