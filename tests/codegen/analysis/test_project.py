"""A project's statements are asked of one server, or of none where nothing has changed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from salacia_db.codegen.analysis import (
    Analysis,
    LiveDatabase,
    Migrations,
    SchemaFiles,
    SchemaSource,
    analyse_project,
)
from salacia_db.codegen.facts import SourceFile, Statement
from salacia_db.codegen.source import parse_file
from salacia_db.postgres.scratch import ScratchDatabases

SCHEMA = "create table t (id int primary key, name text); create view v as select id from t;"
QUERIES = """-- name: get :one
select * from t where id = :id;

-- name: wrong :many
select nme from t;

-- name: names :many
select id from v;
"""


def files(text: str = SCHEMA) -> SchemaFiles:
    return SchemaFiles((SourceFile("schema.sql", text),))


def statements(text: str = QUERIES) -> list[Statement]:
    found, problems = parse_file(SourceFile("q.sql", text), "q", None, "salacia")
    assert not problems
    return found


def refuse(*_: object) -> None:
    raise AssertionError("a server was asked")


@pytest.fixture
def url(databases: ScratchDatabases) -> Iterator[str]:
    with databases.database() as made:
        yield made


def check(found: Analysis) -> None:
    assert [q.statement.name for q in found.queries] == ["get", "names"]
    assert [p.position() for p in found.problems] == [("q.sql", 5, 8)]
    assert [t.ref.name for t in found.schema.tables] == ["t", "v"]


def test_from_files(tmp_path: Path) -> None:
    check(analyse_project(statements(), files(), cache=tmp_path))


def test_from_migrations(tmp_path: Path) -> None:
    (tmp_path / "0001_t.sql").write_text(SCHEMA)
    (tmp_path / "0001_t.rollback.sql").write_text("drop view v; drop table t;")
    check(analyse_project(statements(), Migrations(tmp_path)))


def test_from_a_database_as_it_is(url: str, tmp_path: Path) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA)
        before = connection.execute("select count(*) from pg_class").fetchone()
    check(analyse_project(statements(), LiveDatabase(url), cache=tmp_path))
    check(analyse_project(statements(), LiveDatabase(url), cache=tmp_path))
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from pg_class").fetchone() == before


@pytest.mark.parametrize("schema", ["files", "migrations"])
def test_nothing_changed_needs_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schema: str
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_t.sql").write_text(SCHEMA)
    (folder / "0001_t.rollback.sql").write_text("drop view v; drop table t;")
    source: SchemaSource = files() if schema == "files" else Migrations(folder)
    first = analyse_project(statements(), source, cache=tmp_path / "cache")
    monkeypatch.setattr("salacia_db.codegen.analysis.project.prepared", refuse)
    assert analyse_project(statements(), source, cache=tmp_path / "cache") == first
    moved = statements("\n\n" + QUERIES)
    assert len(analyse_project(moved, source, cache=tmp_path / "cache").queries) == 2


def test_a_cached_run_loads_no_driver(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]);"
        "from test_project import *;"
        "sys.modules.pop('psycopg'); [sys.modules.pop(m) for m in list(sys.modules)"
        " if m.startswith('psycopg')];"
        "analyse_project(statements(), files(), cache=Path(sys.argv[2]));"
        "print('psycopg' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)]
    shown = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    ]
    assert shown == ["True", "False"]


@pytest.mark.parametrize("change", ["schema", "statement"])
def test_what_changed_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    analyse_project(statements(), files(), cache=tmp_path)
    monkeypatch.setattr("salacia_db.codegen.analysis.project.prepared", refuse)
    schema, queries = SCHEMA, QUERIES
    if change == "schema":
        schema += " "
    else:
        queries = QUERIES.replace(":id", ":x")
    with pytest.raises(AssertionError, match="a server was asked"):
        analyse_project(statements(queries), files(schema), cache=tmp_path)


def test_a_view_that_changes_in_a_live_database_is_noticed(url: str, tmp_path: Path) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA)
        first = analyse_project(statements(), LiveDatabase(url), cache=tmp_path)
        connection.execute("create or replace view v as select nullif(id, 1) as id from t")
        second = analyse_project(statements(), LiveDatabase(url), cache=tmp_path)
    assert [q.columns[0].nullable for q in first.queries] == [False, False]
    assert [q.columns[0].nullable for q in second.queries] == [False, True]


def test_a_schema_that_cant_be_made_is_told_at_its_place() -> None:
    found = analyse_project(statements(), files("create table t (\n id integr)"))
    assert found.queries == ()
    assert [p.position() for p in found.problems] == [("schema.sql", 2, 5)]


def test_a_migration_that_fails_is_told_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "0001_t.sql").write_text("select 1;\nselect nothing;\n")
    (tmp_path / "0001_t.rollback.sql").write_text("select 1;")
    (problem,) = analyse_project(statements(), Migrations(tmp_path)).problems
    assert problem.at is not None
    assert problem.position()[1] == 2  # type: ignore[index]
    assert "nothing" in problem.message


def test_a_server_that_isnt_there_is_a_problem() -> None:
    source = LiveDatabase("postgresql://somebody:geheim@127.0.0.1:1/nowhere")
    (problem,) = analyse_project(statements(), source).problems
    assert "geheim" not in problem.render()
    assert "127.0.0.1" in problem.message
