"""Projects made for sqlc, each in a folder here: generated, checked and run as they are.

A folder's `expected.txt` is what `salacia generate` says on standard error.
"""

import contextlib
import importlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salacia_db.cli import main
from salacia_db.codegen.pipeline import load_schema
from salacia_db.codegen.sqlc import load_projects
from salacia_db.postgres.scratch import scratch_database

HERE = Path(__file__).parent
CASES = sorted(file.parent.name for file in HERE.glob("*/sqlc.*"))
PACKAGES = {
    "atlas": ["posts"],
    "dbmate": ["generated/ledger"],
    "golang_migrate": ["generated/music", "generated/people"],
    "goose": ["src/bookshop"],
    "sql_migrate": ["gen"],
    "tern": ["generated/tickets"],
}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """A copy of each project, with its packages, and `said.txt` with what the command said."""
    top = tmp_path_factory.mktemp("sqlc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("DATABASE_URL", raising=False)
        for case in CASES:
            shutil.copytree(HERE / case, top / case)
            said = io.StringIO()
            with contextlib.chdir(top / case), contextlib.redirect_stderr(said):
                status = main(["generate"])
            (top / case / "said.txt").write_text(said.getvalue())
            assert status == 0, said.getvalue()
        yield {case: top / case for case in CASES}


def test_there_is_a_project_of_each_kind() -> None:
    assert sorted(PACKAGES) == CASES


@pytest.mark.parametrize("case", CASES)
def test_a_project_is_generated_into_the_folder_that_it_names(
    case: str, generated: dict[str, Path]
) -> None:
    folder = generated[case]
    files = [p for p in folder.rglob("__init__.py") if "__pycache__" not in p.parts]
    assert sorted(p.parent.relative_to(folder).as_posix() for p in files) == PACKAGES[case]
    expected = HERE / case / "expected.txt"
    assert (folder / "said.txt").read_text() == (expected.read_text() if expected.exists() else "")


def test_what_is_generated_is_typed(generated: dict[str, Path], tmp_path: Path) -> None:
    packages = [generated[case] / path for case, paths in PACKAGES.items() for path in paths]
    roots = {str(package.parent) for package in packages} | {str(generated["sql_migrate"])}
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", *map(str, packages)],
        env=os.environ | {"MYPYPATH": os.pathsep.join([str(HERE.parents[1]), *sorted(roots)])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_formatter_has_nothing_to_change(generated: dict[str, Path]) -> None:
    packages = [generated[case] / path for case, paths in PACKAGES.items() for path in paths]
    settings = str(HERE.parents[1] / "pyproject.toml")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--check", "--config", settings, *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def text(generated: dict[str, Path], case: str, path: str) -> str:
    return (generated[case] / path).read_text()


def test_columns_and_tables_are_renamed(generated: dict[str, Path]) -> None:
    models = text(generated, "golang_migrate", "generated/music/models.py")
    queries = text(generated, "golang_migrate", "generated/music/queries.py")
    assert "class Track(" in models
    assert "class Person(" in models
    assert "    spotify_url: str" in models
    assert "    screen_name: str | None" in models
    assert "screen_name: str | None" in queries
    assert "class Posting(" in text(generated, "dbmate", "generated/ledger/models.py")


def test_tables_keep_their_names_where_they_are_to(generated: dict[str, Path]) -> None:
    people = text(generated, "golang_migrate", "generated/people/models.py")
    assert "class Tracks(" in people
    assert "class Data(" in text(generated, "sql_migrate", "gen/models.py")


def test_types_are_overridden(generated: dict[str, Path]) -> None:
    models = text(generated, "sql_migrate", "gen/models.py")
    assert "owner: Owner" in models
    assert "payload: Payload" in models
    assert "note: str | None" in text(generated, "dbmate", "generated/ledger/models.py")


def test_the_way_back_is_not_gone_and_the_way_up_is(generated: dict[str, Path]) -> None:
    assert "cents: int" in text(generated, "goose", "src/bookshop/models.py")
    assert "body: str\n" in text(generated, "atlas", "posts/models.py")
    assert "state: State" in text(generated, "tern", "generated/tickets/models.py")


def test_nothing_changes_when_it_is_generated_again(
    generated: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.chdir(generated["golang_migrate"]):
        assert main(["generate", "--check"]) == 0
    assert capsys.readouterr().out == "generated/music: current\ngenerated/people: current\n"


@pytest.fixture
def bookshop(generated: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The package of the project with goose's migrations, and a database that has them."""
    folder = generated["goose"]
    monkeypatch.syspath_prepend(folder / "src")
    (project,) = load_projects(folder, {}).projects
    with scratch_database() as url:
        load_schema(project, url)
        yield importlib.import_module("bookshop").connect(url)
    for name in [name for name in sys.modules if name.partition(".")[0] == "bookshop"]:
        del sys.modules[name]


async def test_authors(bookshop: Any) -> None:
    async with bookshop as db:
        ann = await db.authors.create_author(name="Ann", bio=None)
        bob = await db.authors.create_author(name="Bob", bio="writes")
        twin = await db.authors.create_author(name="Bob", bio=None)
        assert await db.authors.get_author(id=ann.id) == ann
        assert await db.authors.get_author(id=0) is None
        # Two are called so: the first is taken.
        assert await db.authors.author_called(name="Bob") == bob
        assert await db.authors.list_authors() == [ann, bob, twin]
        assert await db.authors.change_author(id=ann.id, name=None, bio="reads") == 1
        assert (await db.authors.get_author(id=ann.id)).bio == "reads"
        assert await db.authors.count_authors() == 3
        await db.authors.delete_author(id=twin.id)
        assert await db.authors.count_authors() == 2


async def test_books(bookshop: Any) -> None:
    from bookshop import books  # type: ignore[import-not-found]
    from bookshop.enums import Genre  # type: ignore[import-not-found]

    async with bookshop as db:
        ann = await db.authors.create_author(name="Ann", bio=None)
        bob = await db.authors.create_author(name="Bob", bio=None)
        copied = [
            books.BooksImportBooksInput(author_id=ann.id, title=title, genre=Genre.NOVEL)
            for title in ("A", "B")
        ]
        assert await db.books.import_books(rows=copied) == 2
        added = [books.BooksAddBooksInput(author_id=bob.id, title="C", genre=Genre.ESSAY)]
        (third,) = await db.books.add_books(rows=added)
        found = await db.books.books_with_authors()
        assert [(row.books.title, row.authors) for row in found] == [
            ("A", ann), ("B", ann), ("C", bob)
        ]  # fmt: skip
        assert await db.books.titles_of(author_ids=[ann.id]) == ["A", "B"]
        assert await db.books.titles_of(author_ids=[]) == []
        first = found[0].books.id
        assert [row.loud for row in await db.books.others(ids=[first])] == ["B", "C"]
        wanted = [books.BooksFindBooksInput(id=i) for i in (third, 0, first)]
        assert await db.books.find_books(rows=wanted) == ["C", None, "A"]
        each = [books.BooksBooksOfEachInput(author_id=i) for i in (bob.id, 0, ann.id)]
        titles = [[book.title for book in many] for many in await db.books.books_of_each(rows=each)]
        assert titles == [["C"], [], ["A", "B"]]
        assert await db.books.reprice(rows=[books.BooksRepriceInput(id=first, cents=5)]) == 1
        assert await db.books.drop_books() == 3
