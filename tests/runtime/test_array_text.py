"""The text of an array is read by PostgreSQL as what the driver sends in binary."""

from collections.abc import Iterator
from enum import IntEnum, StrEnum
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salacia_db.runtime.values.array_text import array_texts

INT = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.sampled_from(
    ["", "NULL", "null", "{", "}", ",", '"', "\\", ' a "b" \\" ', "\n", '","']
)
KINDS = {
    "bigint": ("int", INT),
    "smallint": ("int", st.integers(-(2**15), 2**15 - 1)),
    "text": ("text", TEXT),
    "varchar": ("text", TEXT),
    "boolean": ("bool", st.booleans()),
    "uuid": ("uuid", st.uuids()),
}


def arrays(each: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    some = st.lists(each, max_size=4)
    with_nulls = st.lists(each | st.none(), max_size=4)
    return st.lists(some) | st.lists(st.none() | with_nulls | some.map(tuple))


@pytest.fixture
async def raw(url: str) -> Iterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


@pytest.mark.parametrize("type_", KINDS)
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
async def test_text_is_read_as_the_same_array(
    raw: asyncpg.Connection, type_: str, data: st.DataObject
) -> None:
    kind, each = KINDS[type_]
    values = data.draw(arrays(each))
    texts = array_texts(values, kind)
    assert texts is not None
    came = await raw.fetch(
        f"select a::{type_}[], array_ndims(a::{type_}[]) from unnest($1::text[]) as a", texts
    )
    asked = await raw.prepare(f"select $1::{type_}[], array_ndims($1)")
    assert [tuple(row) for row in came] == [tuple(await asked.fetchrow(v)) for v in values]


class Number(IntEnum):
    ONE = 1


class Word(StrEnum):
    ONE = "one"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", [True]),
        ("int", ["1"]),
        ("int", [1.0]),
        ("int", [Number.ONE]),
        ("int", [[1]]),
        ("int", [1, []]),
        ("int", "12"),
        ("int", 5),
        ("int", {1}),
        ("int", [10**5000]),
        ("bool", [1]),
        ("text", [1]),
        ("text", [Word.ONE]),
        ("text", "ab"),
        ("text", ["a\0b"]),
        ("text", ["a\0b", None, "c"]),
        ("text", ["\0"]),
        ("uuid", ["7d444840-9dc0-11d1-b245-5ffdce74fad2"]),
    ],
)
def test_what_the_driver_would_judge_otherwise_is_left_to_it(kind: str, value: object) -> None:
    assert array_texts([None, value], kind) is None
