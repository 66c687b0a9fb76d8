"""What jsonb of a declared type takes, against jsonb that may be anything.

    ./scripts/documents [--url URL] [--rounds N]

In microseconds of the client's processor for each row, from the call to the list of structs,
uvloop's event loop where that is installed. Without a URL it starts a scratch server. The variants
come in another order in each round, so that what else the machine does falls on all of them alike.
Printed are medians over the rounds, and of the ratio to `Any` within a round, with its quartiles;
`Any, again` is how far chance alone goes.
"""

import argparse
import asyncio
import gc
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from itertools import starmap
from typing import Any

from msgspec import Raw, Struct

from salacia_db.runtime import Database, Row, Statement, UnitOfWork, decode_json, json_decoder

try:
    from uvloop import run
except ImportError:
    run = asyncio.run

ROWS = (1, 20, 1_000, 10_000)
SMALL = """{"sku": "pencil", "count": 3, "price": 0.25, "tags": ["red", "soft"]}"""
MESSAGES = """(
  select jsonb_agg(jsonb_build_object('role', 'user', 'content', repeat('word ', 60)))
  from generate_series(1, 12)
)"""
LARGE = f"jsonb_build_object('model', 'gpt-4', 'temperature', 0.7, 'messages', {MESSAGES})"
# As a table's rows are read: the server only sends them.
TABLE = """
drop table if exists document;
create unlogged table document as
select n as id, 'a name' as name, now() as created_at, null::text as error, {0} as body,
  {0} as other
from generate_series(1, 10000) n
"""


class Line(Struct):
    sku: str
    count: int
    price: float
    tags: list[str]


class Message(Struct):
    role: str
    content: str


class Chat(Struct):
    model: str
    temperature: float
    messages: list[Message]


class Document(Struct, frozen=True):
    """A row, whatever its documents are."""

    id: int
    name: str
    created_at: Any
    error: str | None
    body: Any
    other: Any = None


def statement(columns: str, json: Any) -> Statement:
    sql = f"select id, name, created_at, error, {columns} from document limit $1"
    return Statement(f"documents.{columns}", sql, read_only=True, clean=True, json=json)


def each(rows: list[Row]) -> list[Document]:
    return list(starmap(Document, rows))


def variants(type_: Any) -> dict[str, tuple[Statement, Callable[[list[Row]], list[Document]]]]:
    """As the generator writes them."""
    decode = json_decoder(type_)

    def build(
        id: int, name: str, created_at: Any, error: str | None, body: bytes, other: bytes
    ) -> Document:
        return Document(id, name, created_at, error, decode(body), decode_json(other))

    def built(rows: list[Row]) -> list[Document]:
        return list(starmap(build, rows))

    return {
        "Any": (statement("body", Any), each),
        "Any, again": (statement("body", Any), each),
        "a struct": (statement("body", type_), each),
        "dict[str, Any]": (statement("body", dict[str, Any]), each),
        "Raw": (statement("body", Raw), each),
        "two Any": (statement("body, other", Any), each),
        "two structs": (statement("body, other", type_), each),
        "a struct and Any": (statement("body, other", bytes), built),
    }


async def compare(
    what: str, rows: int, calls: dict[str, Callable[[], Awaitable[object]]], rounds: int
) -> None:
    found: dict[str, list[float]] = {name: [] for name in calls}
    times = max(1, 400 // rows)
    for _ in range(rounds + 1):
        for name in random.sample(list(calls), len(calls)):
            gc.collect()
            began = time.process_time()
            for _ in range(times):
                await calls[name]()
            found[name].append((time.process_time() - began) / times / rows * 1e6)
    print(f"{rows} rows, {what} documents")
    for name, took in found.items():
        base = found["two Any" if "two" in name or "and" in name else "Any"]
        low, middle, high = statistics.quantiles(
            [t / b for t, b in zip(took[1:], base[1:], strict=True)], n=4
        )
        print(
            f"  {name:18}{statistics.median(took[1:]):8.2f} µs a row{middle:7.2f} "
            f"(quartiles {low:.2f} … {high:.2f})",
            flush=True,
        )


async def measure(url: str, rounds: int) -> None:
    for what, body, type_ in (("small", f"'{SMALL}'::jsonb", Line), ("large", LARGE, Chat)):
        async with Database[UnitOfWork](url) as db:
            await db.execute(TABLE.format(body))

            def call(
                asked: Statement, build: Callable[[list[Row]], object], rows: int, session: Any
            ) -> Callable[[], Awaitable[object]]:
                async def fetch() -> object:
                    return build(await session.fetch(asked, rows))

                return fetch

            found = variants(type_)
            for rows in ROWS:
                calls = {name: call(*pair, rows, db.session) for name, pair in found.items()}
                await compare(what, rows, calls, rounds)
            await db.execute("drop table document")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--url", help="a database to measure on; else a scratch server")
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args()
    if options.url:
        server = nullcontext(options.url)
    else:
        from salacia_db.postgres.scratch import scratch_database

        server = scratch_database()
    with server as url:
        run(measure(url, options.rounds))


if __name__ == "__main__":
    main()
