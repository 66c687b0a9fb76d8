"""The reference documents, followed line by line, and compared with what they describe."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from salacia_db.postgres import data_folder, stop_durable
from salacia_db.postgres.scratch import scratch_database, scratch_server
from tests.documents import Reader

DOCS = Path(__file__).parents[1] / "docs"

Follow = Callable[[str], int]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader with an empty database and a server that both go afterwards."""
    folder = tmp_path / "project"
    folder.mkdir()
    server = scratch_server().url()
    with scratch_database(server) as url:
        yield Reader(folder, {"DATABASE_URL": url, "SERVER_URL": server})
    stop(folder)


def stop(folder: Path) -> None:
    """Stop the development server that a document may have started, and remove its data."""
    data = folder / ".salacia" / "postgres"
    if data.exists():
        stop_durable(data_folder(f"embedded://{data}"))
        # Root's data lies elsewhere, behind a link.
        shutil.rmtree(data.resolve())


def follow(reader: Reader, name: str, *, example: bool) -> int:
    """Follow a document in a copy of the example, or in an empty folder."""
    if example:
        shutil.copytree(DOCS / "example", reader.folder, dirs_exist_ok=True)
    return reader.follow((DOCS / name).read_text("utf-8"))


def words_in_code(document: str) -> set[str]:
    """What stands in backticks in the document's tables."""
    rows = [line for line in document.splitlines() if line.startswith("| `")]
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row.split(" | ")[0])}


def test_migrations_work_as_they_are_described(reader: Reader) -> None:
    assert follow(reader, "migrations.md", example=False) >= 30


def test_query_files_work_as_they_are_described(reader: Reader) -> None:
    assert follow(reader, "sql.md", example=True) >= 28


def test_tests_work_as_they_are_described(reader: Reader) -> None:
    assert follow(reader, "testing.md", example=True) >= 18


def test_the_generator_works_as_it_is_described(reader: Reader) -> None:
    assert follow(reader, "generator.md", example=True) >= 30
