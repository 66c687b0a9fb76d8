"""Arrays that a query collects: whole rows as structs, and whether an element may be None."""

import ast
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from projects import imported, made, written

from salacia_db.postgres.scratch import scratch_database

ROOT = Path(__file__).parents[3]
SCHEMA = """
create type mood as enum ('sad', 'so-so');
create table authors (id int primary key, "Full name" text not null, mood mood not null);
create table books (
  id int primary key, author_id int references authors, title text, price numeric not null,
  extra jsonb, took interval
);
"""
# name → (query, its type)
QUERIES = {
    "joined": (
        "select a.id, array_agg(b order by b.id) as books\n"
        "from authors a join books b on b.author_id = a.id group by a.id order by a.id",
        "list[Book]",
    ),
    "outer": (
        "select a.id, array_agg(b order by b.id) as books\n"
        "from authors a left join books b on b.author_id = a.id group by a.id order by a.id",
        "list[Book | None]",
    ),
    "filtered": (
        "select a.id, array_agg(b order by b.id) filter (where b.id is not null) as books\n"
        "from authors a left join books b on b.author_id = a.id group by a.id order by a.id",
        "list[Book] | None",
    ),
    "coalesced": (
        "select a.id, coalesce(array_agg(b order by b.id) filter (where b.id is not null), '{}')\n"
        "  as books\n"
        "from authors a left join books b on b.author_id = a.id group by a.id order by a.id",
        "list[Book]",
    ),
    "emptied": (
        "select a.id, coalesce(array_agg(b) filter (where b.id is not null), array[]::books[])\n"
        "  as books\n"
        "from authors a left join books b on b.author_id = a.id group by a.id order by a.id",
        "list[Book]",
    ),
    "all_authors": ("select array_agg(a order by a.id) as books from authors a", "list[Author]"),
    "ids": ("select array_agg(id) as books, 1 as id from books", "list[int] | None"),
    "titles": ("select array_agg(title) as books, 1 as id from books", "list[str | None] | None"),
    "listed": ("select array[1, id] as books, 1 as id from books", "list[int]"),
    "some": ("select array[1, null] as books, 1 as id", "list[int | None]"),
    "united": (
        "select array_agg(id) as books, 1 as id from books union select array[null::int], 2",
        "list[int | None] | None",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    queries = "\n".join(
        f"-- name: {name} :{'one' if name == 'all_authors' else 'many'}\n{sql};"
        for name, (sql, _) in QUERIES.items()
    )
    return written(tmp_path_factory.mktemp("collected"), "collected_rows", SCHEMA, queries)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with scratch_database() as made_:
        yield made_


@pytest.fixture
async def db(folder: Path, url: str) -> AsyncIterator[Any]:
    async with imported(folder).connect(url, profile="test") as database:
        await database.execute(f"drop schema public cascade; create schema public; {SCHEMA}")
        await database.execute("""
            insert into authors values (1, 'Ann', 'so-so'), (2, 'Bo', 'sad');
            insert into books values
              (10, 1, null, 1.5, '{"a": [1]}', '1 month'), (11, 1, 'Two', 2, null, null)
        """)
        yield database


@pytest.mark.parametrize("name", QUERIES)
def test_elements_are_none_only_where_they_may_be(folder: Path, name: str):
    module = ast.parse((folder / "kept.py").read_text())
    rows = {
        node.name: {
            ast.unparse(field.target): ast.unparse(field.annotation)
            for field in node.body
            if isinstance(field, ast.AnnAssign)
        }
        for node in module.body
        if isinstance(node, ast.ClassDef)
    }
    struct = f"Kept{name.title().replace('_', '')}Row"
    if name == "all_authors":
        (method,) = [
            n for n in ast.walk(module) if isinstance(n, ast.AsyncFunctionDef) and n.name == name
        ]
        assert method.returns is not None
        assert ast.unparse(method.returns) == "list[Author] | None"
    else:
        assert rows[struct]["books"] == QUERIES[name][1]


async def test_rows_are_structs_with_all_that_they_hold(db: Any, folder: Path):
    package = imported(folder)
    (row,) = await db.kept.joined()
    first, second = row.books
    assert type(first) is package.Book
    assert (first.id, first.title, first.extra) == (10, None, {"a": [1]})
    assert first.took.months == 1
    assert second.title == "Two"
    authors = await db.kept.all_authors()
    assert [(a.full_name, a.mood) for a in authors] == [
        ("Ann", package.Mood.SO_SO),
        ("Bo", package.Mood.SAD),
    ]


async def test_where_the_join_found_nothing_there_is_none(db: Any):
    with_none = await db.kept.outer()
    assert [len(row.books) for row in with_none] == [2, 1]
    assert with_none[1].books == [None]
    assert [row.books is None for row in await db.kept.filtered()] == [False, True]
    for rows in (await db.kept.coalesced(), await db.kept.emptied()):
        assert rows[0].books == (await db.kept.joined())[0].books
        assert rows[1].books == []


async def test_a_column_added_between_two_calls_hurts_nobody(db: Any):
    before = await db.kept.joined()
    await db.execute("alter table books add column shelf text default 'x'")
    await db.execute("alter table authors add column born date")
    assert await db.kept.joined() == before
    await db.execute("alter table books drop column shelf, add column isbn text")
    assert await db.kept.joined() == before
    assert len(await db.kept.all_authors()) == 2


async def test_nor_within_a_unit_of_work(db: Any):
    before = await db.kept.joined()
    await db.kept.all_authors()
    await db.execute("alter table books add column shelf text default 'x'")
    await db.execute("alter table authors add column born date")
    async with db.unit_of_work() as uow:
        assert await uow.kept.joined() == before
        # One row is read by another way.
        assert len(await uow.kept.all_authors()) == 2


def test_the_generated_code_is_typed(folder: Path):
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "collected_rows"],
        cwd=folder.parent,
        env={"PATH": "", "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_rows_that_nothing_vouches_for_are_refused(tmp_path: Path):
    query = "-- name: get :one!\nselect array[row(null, null, null)::authors] as v;"
    (problem,) = made(tmp_path, "refused", SCHEMA, query).problems
    assert "no Python type for authors[]" in problem.message


def test_rows_with_what_the_driver_carries_as_text_are_refused(tmp_path: Path):
    schema = "create table pages (id int not null, words tsvector);"
    query = "-- name: get :one!\nselect array_agg(p) as v from pages p;"
    (problem,) = made(tmp_path, "refused", schema, query).problems
    assert "carries `words` only as text" in problem.message
    assert "as jsonb" in str(problem.hint)
