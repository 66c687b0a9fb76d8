"""What the tests of the web share: a migrated database for each."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import salacia
from salacia_db.postgres.migrations.migrator import Migrator
from salacia_db.postgres.scratch import ScratchDatabases, scratch_databases


@pytest.fixture(scope="session")
def databases() -> Iterator[ScratchDatabases]:
    with scratch_databases() as made:
        yield made


@pytest.fixture(scope="session")
def template(databases: ScratchDatabases) -> str:
    url = databases.create()
    Migrator(url, Path(__file__).parents[2] / "migrations").up()
    return url


@pytest.fixture
def url(databases: ScratchDatabases, template: str) -> Iterator[str]:
    with databases.database(template=template) as made:
        yield made


@pytest.fixture
async def db(url: str) -> AsyncIterator[salacia.Database]:
    async with salacia.connect(url, profile="test") as opened:
        yield opened
