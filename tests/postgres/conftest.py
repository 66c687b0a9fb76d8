"""What the tests of servers and migrations share."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from salacia_db.postgres.migrations.migrator import Migrator
from salacia_db.postgres.scratch import ScratchDatabases, scratch_databases

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def databases() -> Iterator[ScratchDatabases]:
    with scratch_databases() as made:
        yield made


@pytest.fixture
def database(databases: ScratchDatabases) -> Iterator[str]:
    with databases.database() as url:
        yield url


@pytest.fixture
def query() -> Callable[..., list[tuple]]:
    """`query(url, sql)`: the rows."""

    def run(url: str, sql: str) -> list[tuple]:
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture
def python() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`python(code, *arguments)`: a process that runs it, killed at the end of the test."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> subprocess.Popen[str]:
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def until() -> Callable[[Callable[[], object], str], None]:
    """`until(condition, what)`: waits for it, at most ten seconds."""

    def wait(condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, f"still waiting for {what}"
            time.sleep(0.01)

    return wait


class Folder:
    """A folder of migrations and the database that they are for."""

    def __init__(self, path: Path, url: str) -> None:
        self.path = path
        self.url = url
        path.mkdir()

    def write(self, name: str, sql: str, rollback: str | None = None) -> Path:
        path = self.path / f"{name}.sql"
        path.write_text(sql)
        if rollback is not None:
            (self.path / f"{name}.rollback.sql").write_text(rollback)
        return path

    def migrator(self, **options) -> Migrator:
        return Migrator(self.url, self.path, **options)


@pytest.fixture
def folder(tmp_path: Path, database: str) -> Folder:
    return Folder(tmp_path / "migrations", database)
