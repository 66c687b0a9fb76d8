"""Sessions: what generated groups run their statements on."""

from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeAlias, TypeVar

from salacia_db.runtime.bulk.given import CopyTarget, Output, Rows
from salacia_db.runtime.statement import Row, Statement
from salacia_db.runtime.stream import Stream
from salacia_db.runtime.unseen import forget

T = TypeVar("T")
Method: TypeAlias = Literal["fetch", "fetchrow", "fetchval", "execute"]


class Session:
    """Runs statements: each in a transaction of its own, or all in that of a unit of work."""

    __slots__ = ()

    @property
    def batched(self) -> "Session":
        """Where the calls of `-- batch` statements run: here, unless they can share them."""
        return self

    async def fetch(self, statement: Statement, *args: Any) -> list[Row]:
        """All rows."""
        raise NotImplementedError

    async def fetchrow(self, statement: Statement, *args: Any) -> Row | None:
        """The first row, or None."""
        raise NotImplementedError

    async def fetchone(self, statement: Statement, *args: Any) -> Row:
        """The first row. Raises the statement's `none`, or `NotFound`."""
        try:
            row = await self.fetchrow(statement, *args)
            if row is None:
                raise statement.not_found()
            return row
        except BaseException as error:
            args = ()
            forget(error)
            raise

    async def fetchval(self, statement: Statement, *args: Any) -> Any:
        """The first row's first value; None where there is no row."""
        try:
            row = await self.fetchrow(statement, *args)
            return None if row is None else row[0]
        except BaseException as error:
            args = ()
            forget(error)
            raise

    async def execute(self, statement: Statement, *args: Any) -> int:
        """The number of rows affected."""
        raise NotImplementedError

    async def fetchmany(
        self, statement: Statement, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> list[Row]:
        """The rows of many runs in the order of their arguments, all of them or none.

        `take` makes the arguments of an item of `rows`.
        """
        raise NotImplementedError

    async def executemany(
        self, statement: Statement, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> int:
        """The number of rows affected by many runs, all of them or none."""
        raise NotImplementedError

    async def copy(
        self,
        statement: Statement,
        target: CopyTarget,
        rows: Rows[Any],
        take: Callable[[Any], Row],
    ) -> int:
        """COPY into a table, all rows or none; how many they were."""
        raise NotImplementedError

    async def copy_out(self, statement: Statement, args: Row, to: Output) -> int:
        """COPY a query's rows out, as CSV; how many they were."""
        raise NotImplementedError

    async def raw(self, method: Method, sql: str, args: Row, timeout: float | None) -> Any:
        """Runs SQL that the generator hasn't seen, by asyncpg's method of this name."""
        raise NotImplementedError

    def stream(
        self, statement: Statement, args: Row, build: Callable[[Iterable[Row]], list[T]]
    ) -> Stream[T]:
        """The rows in chunks, through a server-side cursor."""
        raise NotImplementedError
