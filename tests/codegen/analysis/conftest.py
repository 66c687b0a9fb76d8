"""Databases for the tests of the analysis: one server, one database with a small shop."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from asking import SHOP, Asker

from salacia_db.postgres.scratch import ScratchDatabases, scratch_databases


@pytest.fixture(scope="session")
def databases() -> Iterator[ScratchDatabases]:
    with scratch_databases() as made:
        yield made


@pytest.fixture(scope="session")
def ask(databases: ScratchDatabases) -> Iterator[Asker]:
    """Asks the shop."""
    url = databases.create()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SHOP)
    asker = Asker(url)
    yield asker
    asker.server.close()


@pytest.fixture
def asker(databases: ScratchDatabases) -> Iterator[Callable[[str], Asker]]:
    """`asker(schema)` asks a database of its own."""
    made: list[Asker] = []

    def make(schema: str) -> Asker:
        url = databases.create()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(schema)
        made.append(Asker(url))
        return made[-1]

    yield make
    for one in made:
        one.server.close()
        databases.drop(one.url)
