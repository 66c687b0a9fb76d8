"""What the runtime's tests share: a database each, on a scratch server, and ways to break it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import asyncpg
import pytest
from cutting_proxy import CuttingProxy
from items import SCHEMA, Database

from salacia_db.postgres.scratch import ScratchDatabases, scratch_databases


@pytest.fixture(scope="session")
def databases() -> Iterator[ScratchDatabases]:
    with scratch_databases() as made:
        yield made


@pytest.fixture(scope="session")
async def template(databases: ScratchDatabases) -> str:
    url = databases.create()
    connection = await asyncpg.connect(url)
    await connection.execute(SCHEMA)
    await connection.close()
    return url


@pytest.fixture
def url(databases: ScratchDatabases, template: str) -> Iterator[str]:
    """A database with the tables of `items`."""
    with databases.database(template=template) as made:
        yield made


@pytest.fixture
async def connect(url: str) -> AsyncIterator[Callable[..., "Database"]]:
    """`await connect(url=…, hooks=…, pool_max=…)`: an open database, closed after the test."""
    async with AsyncExitStack() as stack:

        async def open_one(url: str = url, **settings: object) -> Database:
            settings = {"close_timeout": 1.0, **settings}
            return await stack.enter_async_context(Database(url, **settings))  # type: ignore[arg-type]

        yield open_one


@pytest.fixture
async def db(connect) -> Database:
    return await connect()


@pytest.fixture
async def bystander(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A session of somebody else on the same database."""
    connection = await asyncpg.connect(url)
    yield connection
    connection.terminate()


@pytest.fixture
async def proxy(url: str) -> AsyncIterator[CuttingProxy]:
    """A proxy before the server; `proxy.url` leads through it."""
    async with CuttingProxy(url) as made:
        yield made
