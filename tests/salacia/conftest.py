"""What the tests of the Salacia schema and its statements share: a migrated database for each."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import pytest_asyncio

from salacia_db.postgres.migrations.migrator import Migrator
from salacia_db.postgres.scratch import ScratchDatabases, scratch_databases

if TYPE_CHECKING:
    from salacia import AiInteraction, Database

ROOT = Path(__file__).parents[2]
MIGRATIONS = ROOT / "migrations"


@pytest.fixture(scope="session")
def databases() -> Iterator[ScratchDatabases]:
    with scratch_databases() as made:
        yield made


@pytest.fixture(scope="session")
def template(databases: ScratchDatabases) -> str:
    """A database at the last migration, to be copied."""
    url = databases.create()
    Migrator(url, MIGRATIONS).up()
    return url


@pytest.fixture
def url(databases: ScratchDatabases, template: str) -> Iterator[str]:
    """A database of the test's own, at the last migration."""
    with databases.database(template=template) as made:
        yield made


@pytest.fixture(scope="session")
def shared_url(databases: ScratchDatabases, template: str) -> str:
    """A database in which tests roll back what they did."""
    return databases.create(template=template)


@pytest.fixture
def session(shared_url: str) -> Iterator[psycopg.Connection]:
    """A session inside a transaction that is rolled back after the test."""
    with psycopg.connect(shared_url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
async def db(url: str) -> AsyncIterator["Database"]:
    """The generated package on a database of the test's own."""
    import salacia

    async with salacia.connect(url, profile="test") as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def listed(
    databases: ScratchDatabases, template: str
) -> AsyncIterator[tuple["Database", list["AiInteraction"]]]:
    """A database to read from only, and its interactions, oldest first."""
    from exchanges import load

    import salacia

    with databases.database(template=template) as made:
        async with salacia.connect(made, profile="test") as opened:
            yield opened, await load(opened)
