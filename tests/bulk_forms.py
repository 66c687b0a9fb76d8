"""Which form of a statement for many rows is the fastest: `python tests/bulk_forms.py [type …]`.

Each inserts rows of a key, a text and a column of the type, a thousand at a time, with RETURNING.
All forms take turns, so that a busy machine slows each of them alike; the best of several turns
counts. Microseconds for a row: all of it, and what the client's processor had of it.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import chain, starmap
from time import perf_counter, process_time
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from asyncpg import Range

from salacia_db.postgres.scratch import scratch_database
from salacia_db.runtime.connections.codecs import install_codecs

ROWS, CHUNK, TURNS = 10_000, 1000, 15
TYPES: dict[str, Callable[[int], Any]] = {
    "int": lambda i: i,
    "int with NULLs": lambda i: i if i % 2 else None,
    "bool": lambda i: i % 2 == 0,
    "text": lambda i: f'a "text" {i}',
    "float8": lambda i: i * 0.37,
    "numeric": lambda i: Decimal(i) / 100,
    "timestamptz": lambda i: (
        datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=i, microseconds=i)
    ),
    "date": lambda i: datetime(2024, 1, 1).date() + timedelta(days=i),
    "bytea": lambda i: i.to_bytes(16, "big"),
    "uuid": lambda i: UUID(int=i << 64),
    "jsonb": lambda i: {"a": i, "b": ["x", None], "c": "some text"},
    "mood": lambda i: "sad" if i % 2 else "happy",
    "pair": lambda i: (i, f"text {i}"),
    "int4range": lambda i: Range(i, i + 5),
    "int[]": lambda i: [i, i + 1],
    "text[]": lambda i: [f"t{i}", "x"],
    "float8[]": lambda i: [i * 0.37, 1.5],
    "numeric[]": lambda i: [Decimal(i) / 100, Decimal(1)],
    "timestamptz[]": lambda i: [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=i)] * 2,
    "bytea[]": lambda i: [i.to_bytes(16, "big"), b""],
    "uuid[]": lambda i: [UUID(int=i << 64)],
    "mood[]": lambda i: ["sad", "happy"],
    "jsonb[]": lambda i: [msgspec.Raw(b'{"a":1}')] * 2,
    "pair[]": lambda i: [(i, "text"), (2, None)],
}
NOT_IN_JSON = ("bytea", "int4range", "bytea[]")
NOT_IN_LISTS = ("pair",)
SCHEMA = """
create type mood as enum ('sad', 'happy');
create type pair as (a int, b text);
"""
INSERT = "insert into t (id, name, n) select a, b, c from"
RETURNING = "as s (a, b, c, o) order by o returning id"
Form = tuple[str, int, Callable[[list[Any]], Sequence[Any]]]
encode = msgspec.json.Encoder().encode


class Record(msgspec.Struct, gc=False):
    """A row, as an object of JSON."""

    a: Any
    b: Any
    c: Any


def forms(type_: str) -> dict[str, Form]:
    """Of each form its text, the rows that it takes, and what makes arguments of them."""
    found: dict[str, Form] = {}
    if not type_.endswith("[]") and type_ not in NOT_IN_LISTS:

        def lists(rows: list[Any]) -> Sequence[Any]:
            ids, names, values = zip(*rows, strict=True)
            if type_ == "jsonb":
                values = tuple(msgspec.Raw(encode(value)) for value in values)
            return [ids, names, values]

        arrays = f"unnest($1::bigint[], $2::text[], $3::{type_}[])"
        found["lists"] = f"{INSERT} {arrays} with ordinality {RETURNING}", CHUNK, lists
    if type_ not in NOT_IN_JSON:

        def objects(rows: list[Any]) -> Sequence[Any]:
            if type_ == "pair":
                rows = [(a, b, {"a": pair[0], "b": pair[1]}) for a, b, pair in rows]
            if type_ == "pair[]":
                rows = [(a, b, [{"a": n, "b": t} for n, t in pairs]) for a, b, pairs in rows]
            return [msgspec.Raw(encode(list(starmap(Record, rows))))]

        for json in ("json", "jsonb"):
            called = f"{json}_to_recordset($1::{json}) as (a bigint, b text, c {type_})"
            source = f"rows from ({called}) with ordinality"
            found[json] = f"{INSERT} {source} {RETURNING}", CHUNK, objects
    for size in (100, 1000):
        first = f"($1::bigint, $2::text, $3::{type_}, 1)"
        more = (f"(${3 * i + 1}, ${3 * i + 2}, ${3 * i + 3}, {i + 1})" for i in range(1, size))
        values = f"(values {', '.join((first, *more))})"
        found[f"VALUES of {size}"] = f"{INSERT} {values} {RETURNING}", size, flat
    return found


def flat(rows: list[Any]) -> Sequence[Any]:
    """All values, one after the other."""
    return list(chain.from_iterable(rows))


async def measured(raw: asyncpg.Connection, type_: str, make: Callable[[int], Any]) -> None:
    rows = [(i, f"name {i}", make(i)) for i in range(ROWS)]
    column = type_.partition(" ")[0]
    await raw.execute(f"create table t (id bigint primary key, name text not null, n {column})")

    async def copy() -> None:
        await raw.copy_records_to_table("t", records=rows, columns=["id", "name", "n"])

    ways: dict[str, Callable[[], Awaitable[object]]] = {"COPY": copy}
    for name, (sql, size, arguments) in forms(column).items():
        prepared = await raw.prepare(sql)

        async def run(
            prepared: Any = prepared, size: int = size, arguments: Any = arguments
        ) -> None:
            async with raw.transaction():
                for at in range(0, ROWS, size):
                    await prepared.fetch(*arguments(rows[at : at + size]))

        ways[name] = run
    single = await raw.prepare("insert into t (id, name, n) values ($1, $2, $3) returning id")

    async def many() -> None:
        async with raw.transaction():
            await single.fetchmany(rows)

    ways["one by one"] = many
    best = {name: (float("inf"), float("inf")) for name in ways}
    for _ in range(TURNS):
        for name, way in ways.items():
            await raw.execute("truncate t")
            began, busy = perf_counter(), process_time()
            await way()
            took = perf_counter() - began, process_time() - busy
            best[name] = min(best[name][0], took[0]), min(best[name][1], took[1])
    found = (
        f"{name} {1e6 * s / ROWS:.2f} ({1e6 * own / ROWS:.2f})" for name, (s, own) in best.items()
    )
    print(f"{type_:15}", ", ".join(found), flush=True)
    await raw.execute("drop table t")


async def main(url: str) -> None:
    raw = await asyncpg.connect(url, statement_cache_size=0)
    install_codecs(raw._protocol.get_settings())  # type: ignore[attr-defined]
    await raw.execute(SCHEMA)
    for type_, make in TYPES.items():
        if len(sys.argv) == 1 or type_ in sys.argv[1:]:
            await measured(raw, type_, make)
    await raw.close()


if __name__ == "__main__":
    with scratch_database() as made:
        asyncio.run(main(made))
