"""Who is put to the test: salacia_db, and raw asyncpg the way people write it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg

from faults.ledger import PARTS, Entry, Told
from salacia_db import runtime
from salacia_db.runtime import CommitOutcomeUnknown, Group, Hooks, Statement, lazy

# As the generator writes it.
_INSERT = "insert into ledger (id, part, note) values ($1, $2, $3)"
ADD = Statement(
    "ledger.add",
    f"-- ledger.add\n{_INSERT}",
    parameters=("id", "part", "note"),
    clean=True,
    tracked=f"-- ledger.add\n{_INSERT} returning pg_current_xact_id()",
)
COUNT = Statement(
    "ledger.count",
    "-- ledger.count\nselect count(*) from ledger where id = $1",
    parameters=("id",),
    read_only=True,
    clean=True,
)


class Entries(Group):
    """Queries on the ledger."""

    __slots__ = ()

    async def add(self, id: int, part: int, note: str = "") -> int:
        """Writes a part."""
        return await self._session.execute(ADD, id, part, note)

    async def count(self, id: int) -> int:
        """How many parts of an entry there are."""
        found: int = await self._session.fetchval(COUNT, id)
        return found


class UnitOfWork(runtime.UnitOfWork):
    """A unit of work with the ledger's queries."""

    @lazy
    def ledger(self) -> Entries:
        """Queries on the ledger."""
        return Entries(self.session)


class Database(runtime.Database[UnitOfWork]):
    """A database with the ledger's queries."""

    unit_of_work_class = UnitOfWork

    @lazy
    def ledger(self) -> Entries:
        """Queries on the ledger."""
        return Entries(self.session)


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

    async def write_all(self, entry: Entry) -> None:
        """Writes all parts of an entry."""
        for part in range(PARTS):
            await self.write(entry, part)


class Client(ABC):
    """A library with a pool of `size` connections; what a caller does in it.

    `timeout` is the deadline of a statement, `acquire` of the wait for a connection.
    """

    name: str

    def __init__(self, url: str, size: int, timeout: float, acquire: float) -> None:
        self.url = url
        self.size = size
        self.timeout = timeout
        self.acquire = acquire
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
    async def execute(self, sql: str, *args: Any) -> None:
        """Runs any SQL without a transaction around it."""

    @abstractmethod
    async def fetchval(self, sql: str, *args: Any) -> Any:
        """The first value of any SQL, without a transaction around it."""

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

    async def execute(self, sql: str, *args: Any) -> None:
        await self.db.execute(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await self.db.fetchval(sql, *args)

    def told(self, error: BaseException) -> Told:
        return "unknown" if isinstance(error, CommitOutcomeUnknown) else super().told(error)


class _PlainSession(Session):
    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def write(self, entry: Entry, part: int, note: str = "") -> None:
        await self.connection.execute(_INSERT, entry.id, part, note)

    async def execute(self, sql: str, *args: Any) -> None:
        await self.connection.execute(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await self.connection.fetchval(sql, *args)


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
            server_settings={"application_name": self.application},
        )

    async def close(self) -> None:
        self.pool.terminate()

    @asynccontextmanager
    async def unit(self, entry: Entry | None = None) -> AsyncIterator[Session]:
        async with self.pool.acquire(timeout=self.acquire) as connection:
            async with connection.transaction():
                yield _PlainSession(connection)
            # There are no hooks: what is to be done after the commit stands behind it.
            if entry is not None:
                entry.hook()

    async def execute(self, sql: str, *args: Any) -> None:
        async with self.pool.acquire(timeout=self.acquire) as connection:
            await connection.execute(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        async with self.pool.acquire(timeout=self.acquire) as connection:
            return await connection.fetchval(sql, *args)
