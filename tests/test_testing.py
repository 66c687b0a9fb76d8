"""The pytest plugin, in a project of somebody's own."""

import subprocess
import sys
from pathlib import Path

from salacia_db.codegen.pipeline import generate
from salacia_db.codegen.project import load_project

SCHEMA = """
create extension hstore; create extension citext; create extension ltree;
create type place as (path ltree, name text);
create table things (
  id int primary key, attributes hstore not null, words citext[] not null, place place not null
);
"""
QUERIES = """
-- name: add :one
insert into things values (:id, :attributes, :words, :place) returning *;
"""
SETTINGS = """
[tool.salacia]
schema = ["schema.sql"]
queries = ["queries"]
out = "extended"
[tool.pytest.ini_options]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"
pythonpath = ["."]
"""
TESTS = """
import extended

GIVEN = {"attributes": {"a": None}, "words": ["x", None, ""], "place": extended.Place("a.b", "c")}

async def test_in_a_transaction(db):
    thing = await db.things.add(id=1, **GIVEN)
    assert {name: getattr(thing, name) for name in GIVEN} == GIVEN

async def test_for_real(db_real):
    thing = await db_real.things.add(id=1, **GIVEN)
    assert {name: getattr(thing, name) for name in GIVEN} == GIVEN
"""


def test_types_of_extensions_are_what_they_are_in_production(tmp_path: Path):
    (tmp_path / "queries").mkdir()
    for name, text in {
        "schema.sql": SCHEMA,
        "queries/things.sql": QUERIES,
        "pyproject.toml": SETTINGS,
        "conftest.py": 'pytest_plugins = ["salacia_db.testing"]\n',
        "test_things.py": TESTS,
    }.items():
        (tmp_path / name).write_text(text)
    generated = generate(load_project(tmp_path, {}))
    assert not generated.problems
    generated.write()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout
