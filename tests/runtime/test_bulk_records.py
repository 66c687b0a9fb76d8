"""The text of records is read by PostgreSQL as what the driver sends in binary."""

import math
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from asyncpg.pgproto import pgproto
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salacia_db.runtime.bulk.records import records
from salacia_db.runtime.statement import Kind

SCHEMA = """
create type mood as enum ('sad', 'so "happy"', 'null', '');
create type leaf as (a int, t text);
create type pair as (n numeric(9,3), "a ""name" leaf, tags text[], leaves leaf[]);
create domain short as varchar(5) check (value <> 'never');
"""


class Mood(StrEnum):
    SAD = "sad"
    HAPPY = 'so "happy"'
    NULL = "null"
    NOTHING = ""


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.sampled_from(
    ["", "NULL", "null", "{", "}", ",", '"', "\\", ' a "b" \\" ', "\n", '","', "\x7f\u2028/\x01"]
)
INT4 = st.integers(-(2**31), 2**31 - 1)
NUMBERS = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(-(10**40), 10**40),
    st.integers(-40, 40),
) | st.sampled_from(
    [
        *map(Decimal, ("NaN", "Infinity", "-Infinity", "-0", "0E+5", "1.500", "1E-300", "1E+300")),
        0,
        -(10**30),
    ]
)
FLOATS = st.floats() | st.sampled_from([-0.0, math.nan, math.inf, -math.inf, 5e-324, 1e308, 7])
ZONES = st.sampled_from(
    [UTC, ZoneInfo("Europe/Amsterdam"), ZoneInfo("Asia/Kathmandu"), timezone(timedelta(hours=-9))]
)
INSTANTS = st.datetimes(datetime(1950, 1, 1), timezones=ZONES) | st.datetimes(
    datetime(1, 1, 4), datetime(9999, 12, 28), timezones=st.just(UTC)
)
MOMENTS = st.datetimes(max_value=datetime(9999, 12, 31)).filter(lambda moment: moment.year > 1)
DATES = st.dates(date(1, 1, 2), date(9999, 12, 30))
LEAVES = st.tuples(st.none() | INT4, st.none() | TEXT)
PAIRS = st.tuples(
    st.none() | st.decimals("-99999", "99999", places=3),
    st.none() | LEAVES,
    st.none() | st.lists(st.none() | TEXT, max_size=3),
    st.none() | st.lists(st.none() | LEAVES, max_size=3),
)
# Of each type of PostgreSQL how it is written, and values.
SCALARS: dict[str, tuple[Kind, st.SearchStrategy[Any]]] = {
    "smallint": ("int", st.integers(-(2**15), 2**15 - 1)),
    "bigint": ("int", st.integers(-(2**63), 2**63 - 1)),
    "text": ("text", TEXT),
    "bpchar": ("text", TEXT),
    "short": ("text", st.text("aé ", max_size=5)),
    "boolean": ("bool", st.booleans()),
    "double precision": ("float", FLOATS),
    "numeric": ("numeric", NUMBERS),
    "uuid": ("uuid", st.uuids() | st.uuids().map(lambda found: pgproto.UUID(found.bytes))),
    "date": ("date", DATES),
    "timestamp": ("timestamp", MOMENTS),
    "timestamptz": ("timestamptz", INSTANTS),
    "mood": ("label", st.sampled_from(Mood) | st.sampled_from([str(each) for each in Mood])),
    "leaf": ({"a": "int", "t": "text"}, LEAVES),
    "pair": (
        {
            "n": "numeric",
            'a "name': {"a": "int", "t": "text"},
            "tags": ("text",),
            "leaves": ({"a": "int", "t": "text"},),
        },
        PAIRS,
    ),
}
TYPES = SCALARS | {
    f"{type_}[]": ((kind,), st.lists(st.none() | each, max_size=4) | st.lists(each).map(tuple))
    for type_, (kind, each) in SCALARS.items()
}


@pytest.fixture
async def raw(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    await connection.execute(SCHEMA)
    # What a text might be read by otherwise.
    await connection.execute("set datestyle = 'German, DMY'; set timezone = 'Asia/Kathmandu'")
    await connection.execute("set array_nulls = off; set intervalstyle = 'sql_standard'")
    yield connection
    await connection.close()


@pytest.mark.parametrize("type_", TYPES)
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
async def test_a_record_is_read_as_what_the_driver_sends(
    raw: asyncpg.Connection, type_: str, data: st.DataObject
) -> None:
    kind, each = TYPES[type_]
    values = data.draw(st.lists(st.none() | each, min_size=1, max_size=6))
    text = records([values, range(len(values))], [kind, "int"])
    assert text is not None
    came = await raw.fetch(
        f"select p1::text, p1 is null, record_send(row(p1)) from rows from (json_to_recordset"
        f"($1::text::json) as (p1 {type_}, p2 int)) with ordinality as r (p1, p2, n) order by n",
        bytes(text).decode(),
    )
    sent = await raw.prepare(
        f"select v::text, v is null, record_send(row(v)) from (select $1::{type_} as v) as given"
    )
    assert [tuple(row) for row in came] == [tuple(await sent.fetchrow(value)) for value in values]


class Number(IntEnum):
    ONE = 1


class Text(str):
    __slots__ = ()


NOW = datetime(2024, 1, 1, tzinfo=UTC)
SECONDS = timezone(timedelta(seconds=30))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", True),
        ("int", "1"),
        ("int", 1.0),
        ("int", Number.ONE),
        ("bool", 1),
        ("text", 1),
        ("text", Text("a")),
        ("text", Mood.SAD),
        ("text", "\ud800"),
        ("label", Number.ONE),
        ("float", Decimal(1)),
        ("float", 10**400),
        ("numeric", 1.5),
        ("uuid", "7d444840-9dc0-11d1-b245-5ffdce74fad2"),
        ("date", NOW),
        ("date", date.max),
        ("date", date.min),
        ("timestamp", NOW),
        ("timestamp", datetime.max),
        ("timestamp", datetime.min),
        ("timestamptz", NOW.replace(tzinfo=None)),
        ("timestamptz", NOW.replace(tzinfo=SECONDS)),
        ("timestamptz", datetime(1900, 1, 1, tzinfo=ZoneInfo("Europe/Amsterdam"))),
        ("timestamptz", datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-2)))),
        ("timestamptz", datetime(1, 1, 1, tzinfo=UTC)),
        (("int",), [[1]]),
        (("int",), [1, []]),
        (("int",), "12"),
        (("int",), 5),
        (("int",), {1}),
        (("text",), "ab"),
        (("uuid",), [UUID(int=1), "x"]),
        ({"a": "int", "t": "text"}, (1,)),
        ({"a": "int", "t": "text"}, [1, "x"]),
        ({"a": "int", "t": "text"}, (1, 2)),
        ({"a": "int", "t": "text"}, "ab"),
    ],
)
def test_what_the_driver_would_judge_otherwise_is_left_to_it(kind: Kind, value: object) -> None:
    assert records([[None, value]], [kind]) is None
