"""Arrays of several dimensions, as a column, an output and a parameter say that they have them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from projects import imported, written

from salacia_db.postgres.scratch import scratch_database
from salacia_db.runtime import InvalidArgument, InvalidValue

SCHEMA = """
create type mood as enum ('sad', 'so-so');
create table boards (
  id int primary key generated always as identity,
  grid int[], cube text[], moods mood[], docs jsonb[], plain int[]
);
"""
QUERIES = """
-- name: keep_grid :one!
insert into boards (grid) values (:grid) returning grid;
-- name: keep_cube :one!
insert into boards (cube) values (:cube) returning cube;
-- name: keep_moods :one!
insert into boards (moods) values (:moods) returning moods;
-- name: keep_docs :one!
insert into boards (docs) values (:docs) returning docs;
-- name: newest :one!
select * from boards order by id desc limit 1;
-- name: one :one!
-- as v: list[list[int]]
select :v::int[] as v, 1 as n;
"""
SETTINGS = """
[tool.salacia.types]
"public.boards.grid" = "list[list[int | None]]"
"public.boards.cube" = "list[list[list[str]]]"
"public.boards.moods" = "list[list[dimensions_own.Mood | None]]"
"public.boards.docs" = "list[list[int]]"
"""
OWN = 'from enum import Enum\nclass Mood(Enum):\n    SAD = "sad"\n    SO_SO = "so-so"\n'
INTS = st.none() | st.integers(-(2**31), 2**31 - 1)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("dimensions")
    (root / "dimensions_own.py").write_text(OWN)
    return imported(written(root, "dimensions", SCHEMA, QUERIES, SETTINGS))


@pytest.fixture(scope="module")
async def db(package: Any) -> AsyncIterator[Any]:
    with scratch_database() as url:
        async with package.connect(url, profile="test") as database:
            await database.execute(SCHEMA)
            yield database


def boxes(elements: st.SearchStrategy[Any], *sizes: int) -> st.SearchStrategy[Any]:
    for size in reversed(sizes):
        elements = st.lists(elements, min_size=size, max_size=size)
    return elements


SIZES = st.integers(1, 4)
trips = settings(
    max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@given(data=st.data())
@trips
async def test_what_is_written_is_read(db: Any, data: st.DataObject):
    grid = data.draw(boxes(INTS, data.draw(SIZES), data.draw(SIZES)))
    assert await db.kept.keep_grid(grid=grid) == grid
    assert await db.kept.keep_grid(grid=tuple(map(tuple, grid))) == grid
    cube = data.draw(boxes(st.sampled_from("abc"), *(data.draw(SIZES) for _ in range(3))))
    assert await db.kept.keep_cube(cube=cube) == cube


async def test_elements_are_converted_both_ways(db: Any, package: Any):
    from dimensions_own import Mood  # type: ignore[import-not-found]

    moods = [[Mood.SAD, None], [Mood.SO_SO, Mood.SAD]]
    assert await db.kept.keep_moods(moods=moods) == moods
    assert (await db.kept.newest()).moods == moods


async def test_the_elements_of_an_array_of_json_are_each_one_value(db: Any):
    assert await db.kept.keep_docs(docs=[[1, 2], []]) == [[1, 2], []]
    assert await db.fetchval("select array_ndims(docs) from boards order by id desc limit 1") == 1


async def test_an_empty_array_has_any_number_of_dimensions(db: Any):
    assert await db.kept.keep_cube(cube=[]) == []
    assert await db.kept.keep_moods(moods=[]) == []


@pytest.mark.parametrize("literal", ["{1,2}", "{{{1}}}"])
async def test_other_dimensions_are_no_value_of_the_type(db: Any, literal: str):
    await db.execute(f"insert into boards (grid) values ('{literal}')")
    with pytest.raises(InvalidValue, match=r"kept\.newest: .* not those of list\[list\[int"):
        await db.kept.newest()


@pytest.mark.parametrize("given_", [[1, 2], [[[1]]], [[1], 2], 3])
async def test_other_dimensions_are_not_sent(db: Any, given_: Any):
    with pytest.raises(InvalidArgument, match=r"kept\.keep_grid: .* not nested as an array of 2 "):
        await db.kept.keep_grid(grid=given_)


async def test_ragged_lists_are_refused(db: Any):
    with pytest.raises(InvalidArgument):
        await db.kept.keep_grid(grid=[[1, 2], [3]])


async def test_one_output_says_it(db: Any):
    assert (await db.kept.one(v=[[1], [2]])).v == [[1], [2]]
    with pytest.raises(InvalidValue):
        await db.kept.one(v=[1])
