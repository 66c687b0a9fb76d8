"""Folders to run the command in, and databases to run it on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import QUERIES, SCHEMA, SETTINGS, Folder

from salacia_db.postgres.scratch import ScratchDatabases, scratch_databases


@pytest.fixture(scope="package", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of our own: nothing is known of yesterday, and nothing is left to tomorrow.

    Nor does a command leave a process behind.
    """
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setenv("SALACIA_LINGER", "0")
        patch.delenv("DATABASE_URL", raising=False)
        yield folder


@pytest.fixture
def empty(tmp_path: Path) -> Folder:
    """An empty folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Folder(folder)


@pytest.fixture
def bare(empty: Folder) -> Folder:
    """Two SQL files and nothing else."""
    empty.write("schema.sql", SCHEMA)
    empty.write("customers.sql", QUERIES)
    return empty


@pytest.fixture
def project(bare: Folder) -> Folder:
    """The two files and a pyproject.toml that names them."""
    bare.write("pyproject.toml", SETTINGS)
    return bare


@pytest.fixture(scope="package")
def databases() -> Iterator[ScratchDatabases]:
    with scratch_databases() as made:
        yield made


@pytest.fixture
def database(databases: ScratchDatabases) -> Iterator[str]:
    """The URL of an empty database."""
    with databases.database() as url:
        yield url
