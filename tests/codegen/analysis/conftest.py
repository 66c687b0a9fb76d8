"""Databases for the tests of the analysis: one server, one database with a small shop."""

from collections.abc import Callable, Iterator

from typing import TYPE_CHECKING

import psycopg
import pytest

from salacia_db.postgres.scratch import ScratchDatabases, scratch_databases

if TYPE_CHECKING:
    from asking import Asker


@pytest.fixture(scope="session")
def databases() -> Iterator[ScratchDatabases]:
    with scratch_databases() as made:
        yield made


@pytest.fixture(scope="session")
def ask(databases: ScratchDatabases) -> "Iterator[Asker]":
    """Asks the shop."""
    from asking import SHOP, Asker

    url = databases.create()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SHOP)
    asker = Asker(url)
    yield asker
    asker.server.close()


@pytest.fixture
def asker(databases: ScratchDatabases) -> "Iterator[Callable[[str], Asker]]":
    """`asker(schema)` asks a database of its own."""
    from asking import Asker

    made: list[Asker] = []

    def make(schema: str) -> "Asker":
        url = databases.create()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(schema)
        made.append(Asker(url))
        return made[-1]

    yield make
    for one in made:
        one.server.close()
        databases.drop(one.url)
