"""Who is put to the test: salacia_db, and raw asyncpg the way people write it."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg

from faults.ledger import PARTS, Entry, Told
from faults.queries import ADD, COPY, INSERT, INSERT_BOTH, TARGET, Database, UnitOfWork
from salacia_db.runtime import (
    CommitOutcomeUnknown,
    Hooks,
)
from salacia_db.runtime.units.options import Isolation

Row = tuple[int, int, str]

_ATTEMPTS = 10  # as many as `db.run` makes


class Session(ABC):
    """What can be done inside a transaction, in either library."""

    @abstractmethod
    async def write(self, entry: Entry, part: int, note: str = "") -> None:
        """Writes a part of an entry."""

    @abstractmethod
    async def execute(self, sql: str, *args: Any) -> None:
        """Runs any SQL."""

    @abstractmethod
    async def fetchval(self, sql: str, *args: Any) -> Any:
        """The first value of any SQL."""

    @abstractmethod
    async def kind(self, k: str) -> str:
        """A value of an enum, to the server and back."""

    @abstractmethod
    async def write_many(self, rows: list[Row]) -> None:
        """Writes many parts, of whatever entries, in one call."""

    @abstractmethod
    async def copy(self, rows: list[Row]) -> None:
        """The same by COPY."""

    async def write_all(self, entry: Entry) -> None:
        """Writes all parts of an entry."""
        for part in range(PARTS):
            await self.write(entry, part)


class Client(ABC):
    """A library with a pool of `size` connections; what a caller does in it.

    `timeout` is the deadline of a statement, `acquire` of the wait for a connection. `pooled`: it
    is set up for a pooler in transaction mode, as its documentation says.
    """

    name: str

    def __init__(
        self, url: str, size: int, timeout: float, acquire: float, *, pooled: bool = False
    ) -> None:
        self.url = url
        self.size = size
        self.timeout = timeout
        self.acquire = acquire
        self.pooled = pooled
        self.application = f"faults-{self.name}"

    @abstractmethod
    async def open(self) -> None:
        """Opens the pool."""

    @abstractmethod
    async def close(self) -> None:
        """Closes it, by force if it must be."""

    @abstractmethod
    def unit(self, entry: Entry | None = None) -> AbstractAsyncContextManager[Session]:
        """A transaction; the entry's hook runs after its commit."""

    @abstractmethod
    async def write_alone(self, entry: Entry) -> None:
        """Writes all parts in one statement, without a transaction around it."""

    @abstractmethod
    async def fetchval(self, sql: str, *args: Any) -> Any:
        """The first value of any SQL, without a transaction around it."""

    @abstractmethod
    async def repeat(
        self, entry: Entry, work: Callable[[Session], Awaitable[None]], isolation: Isolation
    ) -> None:
        """Does the work in a transaction, again where others got in its way."""

    def told(self, error: BaseException) -> Told:
        """What this exception tells the caller."""
        return "cancelled" if isinstance(error, asyncio.CancelledError) else "failed"


class _SalaciaSession(Session):
    def __init__(self, unit: UnitOfWork) -> None:
        self.unit = unit

    async def write(self, entry: Entry, part: int, note: str = "") -> None:
        await self.unit.ledger.add(entry.id, part, note)

    async def execute(self, sql: str, *args: Any) -> None:
        await self.unit.execute(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await self.unit.fetchval(sql, *args)

    async def kind(self, k: str) -> str:
        return await self.unit.ledger.kind(k)

    async def write_many(self, rows: list[Row]) -> None:
        await self.unit.session.executemany(ADD, rows, tuple)

    async def copy(self, rows: list[Row]) -> None:
        await self.unit.session.copy(COPY, TARGET, rows, tuple)


class Salacia(Client):
    """salacia_db; `db` and `hooks` for what only it has."""

    name = "salacia_db"

    async def open(self) -> None:
        self.hooks = Hooks()
        self.db = Database(
            self.url,
            hooks=self.hooks,
            pool_max=self.size,
            pool_acquire=self.acquire,
            timeout=self.timeout,
            connect_timeout=self.timeout,
            close_timeout=2.0,
            hook_timeout=1.0,
            pooler="transaction" if self.pooled else None,
            application_name=self.application,
        )
        await self.db.open()

    async def close(self) -> None:
        await self.db.close()

    @asynccontextmanager
    async def unit(self, entry: Entry | None = None) -> AsyncIterator[Session]:
        async with self.db.unit_of_work() as uow:
            if entry is not None:
                uow.after_commit(entry.hook)
            yield _SalaciaSession(uow)

    async def write_alone(self, entry: Entry) -> None:
        await self.db.ledger.add_both(entry.id)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await self.db.fetchval(sql, *args)

    async def repeat(
        self, entry: Entry, work: Callable[[Session], Awaitable[None]], isolation: Isolation
    ) -> None:
        async def unit(uow: UnitOfWork) -> None:
            uow.after_commit(entry.hook)
            await work(_SalaciaSession(uow))

        await self.db.run(unit, isolation=isolation)

    def told(self, error: BaseException) -> Told:
        return "unknown" if isinstance(error, CommitOutcomeUnknown) else super().told(error)


class _PlainSession(Session):
    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def write(self, entry: Entry, part: int, note: str = "") -> None:
        await self.connection.execute(INSERT, entry.id, part, note)

    async def execute(self, sql: str, *args: Any) -> None:
        await self.connection.execute(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await self.connection.fetchval(sql, *args)

    async def kind(self, k: str) -> str:
        found: str = await self.connection.fetchval("select $1::kind", k)
        return found

    async def write_many(self, rows: list[Row]) -> None:
        await self.connection.executemany(INSERT, rows)

    async def copy(self, rows: list[Row]) -> None:
        await self.connection.copy_records_to_table("ledger", records=rows)


class Asyncpg(Client):
    """asyncpg's pool and transactions, as its documentation has them."""

    name = "asyncpg"

    async def open(self) -> None:
        self.pool = await asyncpg.create_pool(
            self.url,
            min_size=1,
            max_size=self.size,
            timeout=self.timeout,
            command_timeout=self.timeout,
            statement_cache_size=0 if self.pooled else 100,
            server_settings={"application_name": self.application},
        )

    async def close(self) -> None:
        self.pool.terminate()

    @asynccontextmanager
    async def unit(self, entry: Entry | None = None) -> AsyncIterator[Session]:
        async with (
            self.pool.acquire(timeout=self.acquire) as connection,
            connection.transaction(),
        ):
            yield _PlainSession(connection)
        # There are no hooks: what is to be done after the commit stands behind it.
        if entry is not None:
            entry.hook()

    async def write_alone(self, entry: Entry) -> None:
        await self.pool.execute(INSERT_BOTH, entry.id, "", timeout=self.timeout)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await self.pool.fetchval(sql, *args, timeout=self.timeout)

    async def repeat(
        self, entry: Entry, work: Callable[[Session], Awaitable[None]], isolation: Isolation
    ) -> None:
        for left in range(_ATTEMPTS - 1, -1, -1):
            try:
                async with (
                    self.pool.acquire(timeout=self.acquire) as connection,
                    connection.transaction(isolation=isolation.replace(" ", "_")),
                ):
                    await work(_PlainSession(connection))
            except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
                if left == 0:
                    raise
                await asyncio.sleep(random.uniform(0, 0.02) * (_ATTEMPTS - left))
            else:
                entry.hook()
                return
