"""A hundred queries as people write them: what they say can be NULL, what is proven, what comes.

`expected.toml` of each application was written by reading its schema and queries alone.
`misses.toml` lists what a person sees and the proofs don't, with the reason.
"""

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest
from filling import Filler, nulls
from msgspec import Struct

from salacia_db.codegen.analysis import SchemaFiles, analyse_project
from salacia_db.codegen.facts import Query, SourceFile
from salacia_db.codegen.source import read_queries
from salacia_db.postgres.scratch import ScratchDatabases, scratch_databases

HERE = Path(__file__).parent
APPLICATIONS = sorted(path.parent.name for path in HERE.glob("*/expected.toml"))
MISSES: dict[str, str] = tomllib.loads((HERE / "misses.toml").read_text("utf-8"))
LEAST_SHARE = 0.98


class Said(Struct, frozen=True):
    """A column, by its place, and what a person and the proofs say of it."""

    place: str
    expected_null: bool
    nullable: bool
    reason: str


@pytest.fixture(scope="module")
def databases() -> Iterator[ScratchDatabases]:
    with scratch_databases() as made:
        yield made


@pytest.fixture(scope="module")
def server(databases: ScratchDatabases) -> str:
    """The URL by which each application's schema is made and asked, once."""
    return databases.create()


@cache
def expected(application: str) -> dict[str, tuple[tuple[str, bool], ...]]:
    """Of each query the names of its columns, and whether a person says that NULL can come."""
    text = (HERE / application / "expected.toml").read_text("utf-8")
    return {
        name: tuple((word[:-1], word[-1] == "?") for word in columns.split())
        for name, columns in tomllib.loads(text).items()
    }


@cache
def queries(application: str, url: str) -> dict[str, Query]:
    """The application's queries by name, understood on the server of `url`."""
    folder = HERE / application
    statements, problems = read_queries([folder / "queries.sql"], "salacia", folder)
    schema = SourceFile("schema.sql", (folder / "schema.sql").read_text("utf-8"))
    found = analyse_project(statements, SchemaFiles((schema,)), server_url=url)
    assert not (*problems, *found.problems)
    return {query.statement.name: query for query in found.queries}


@pytest.fixture
def newer(server: str) -> None:
    """Skips on servers where less is proven."""
    with psycopg.connect(server) as connection:
        if connection.info.server_version < 160000:
            pytest.skip("before 16 nothing is proven of what a change wrote")


@pytest.fixture(scope="module")
def said(server: str) -> list[Said]:
    """Every column of every query."""
    found = []
    for application in APPLICATIONS:
        for name, query in queries(application, server).items():
            columns = zip(query.columns, expected(application)[name], strict=True)
            for column, (_, expected_null) in columns:
                place = f"{application}.{name}.{column.name}"
                found.append(Said(place, expected_null, column.nullable, column.reason))
    return found


def test_there_are_a_hundred_queries_of_ten_applications() -> None:
    assert len(APPLICATIONS) == 10
    assert [len(expected(application)) for application in APPLICATIONS] == [10] * 10


@pytest.mark.parametrize("application", APPLICATIONS)
def test_every_query_is_understood(application: str, server: str) -> None:
    found = queries(application, server)
    names = {name: tuple(column.name for column in query.columns) for name, query in found.items()}
    wanted = expected(application)
    assert names == {name: tuple(n for n, _ in columns) for name, columns in wanted.items()}


def test_nothing_is_promised_that_a_person_says_can_be_null(said: list[Said]) -> None:
    assert [(s.place, s.reason) for s in said if s.expected_null and not s.nullable] == []


@pytest.mark.usefixtures("newer")
def test_nearly_all_that_a_person_sees_is_proven(said: list[Said]) -> None:
    never = [s for s in said if not s.expected_null]
    share = sum(not s.nullable for s in never) / len(never)
    print(f"{share:.1%} of {len(never)} columns that are never NULL are proven")
    assert share >= LEAST_SHARE


@pytest.mark.usefixtures("newer")
def test_what_is_not_proven_is_listed_with_its_reason(said: list[Said]) -> None:
    assert {s.place for s in said if s.nullable and not s.expected_null} == set(MISSES)
    assert all(MISSES.values())


@pytest.mark.parametrize("application", APPLICATIONS)
def test_what_runs_bears_out_what_was_said(
    application: str, server: str, databases: ScratchDatabases
) -> None:
    url = databases.create()
    found = queries(application, server)
    schema = (HERE / application / "schema.sql").read_text("utf-8")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(schema)
    came: set[str] = set()
    ran = 0
    with psycopg.connect(url) as connection:
        for seed in range(3):
            filler = Filler(connection, seed)
            if seed:  # the first round is on empty tables
                filler.fill(6)
                connection.commit()
            for name, query in found.items():
                for _ in range(3):
                    seen = nulls(connection, query, filler.arguments(query))
                    ran += 1
                    came |= {f"{name}.{query.columns[index].name}" for index in seen}
    promised = {
        f"{name}.{column}"
        for name, columns in expected(application).items()
        for column, expected_null in columns
        if not expected_null
    }
    assert came & promised == set()
    assert ran == 90
