"""What `-- batch` gains: calls a second of concurrent callers, with it and without.

    ./scripts/batching [--url URL] [--rounds N] [--seconds S]

Without a URL it starts a server of its own on the disk, which waits for it at each COMMIT as any
server does. Each caller asks again as soon as it has its answer. The variants alternate within a
round, so that what else the machine does falls on both alike. Printed are medians over the rounds:
calls a second without and with batching, and of their ratio within a round, with its quartiles.
"""

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from salacia_db.postgres import embedded_url, stop_durable
from salacia_db.runtime import Batch, Database, Group, Statement, UnitOfWork

ROWS = 100_000
CALLERS = (1, 32, 256)
SCHEMA = f"""
drop table if exists batching_item, batching_log;
create table batching_item (id int8 primary key, name text not null, amount int4 not null);
insert into batching_item select n, 'item ' || n, n % 1000 from generate_series(1, {ROWS}) n;
create table batching_log (id int8 primary key, item_id int8 not null, note text not null);
analyze batching_item;
"""
LOOKUP = "select id, name, amount from batching_item where id = {}"
INSERT = "insert into batching_log (id, item_id, note) values ($1, $2, $3) returning id"

# As the generator writes them.
GET = Statement(
    "batching.get",
    f"-- batching.get\n{LOOKUP.format('$1')}",
    parameters=("id",),
    read_only=True,
    clean=True,
    batch=Batch(
        Statement(
            "batching.get",
            "-- batching.get\nselect answer.*, calls.n\n"
            "from unnest($1::bigint[]) with ordinality as calls (p1, n)\n"
            "cross join lateral (select * from (\n"
            f"{LOOKUP.format('calls.p1')}\n) as one limit 1) as answer",
            read_only=True,
            clean=True,
        ),
        size=256,
    ),
)
ADD = Statement(
    "batching.add",
    f"-- batching.add\n{INSERT}",
    parameters=("id", "item_id", "note"),
    clean=True,
    tracked=f"-- batching.add\n{INSERT}, pg_current_xact_id()",
    batch=Batch(
        Statement(
            "batching.add",
            f"-- batching.add\n{INSERT}, $4::int4",
            clean=True,
            tracked=f"-- batching.add\n{INSERT}, $4::int4, pg_current_xact_id()",
        ),
        size=256,
    ),
)


class Queries(Group):
    """As the generator writes it, with and without `-- batch`."""

    __slots__ = ()

    async def get(self, *, id: int) -> object:
        return await self._session.fetchrow(GET, id)

    async def get_batched(self, *, id: int) -> object:
        return await self._session.batched.fetchrow(GET, id)

    async def add(self, *, id: int) -> object:
        return await self._session.fetchone(ADD, id, 1, "a note")

    async def add_batched(self, *, id: int) -> object:
        return await self._session.batched.fetchone(ADD, id, 1, "a note")


async def rate(call: Callable[[], Awaitable[object]], callers: int, seconds: float) -> float:
    """Calls a second; all that began are counted, to their end."""
    calls = 0
    began = time.perf_counter()

    async def caller() -> None:
        nonlocal calls
        while time.perf_counter() - began < seconds:
            await call()
            calls += 1

    await asyncio.gather(*(caller() for _ in range(callers)))
    return calls / (time.perf_counter() - began)


async def compare(
    name: str,
    plain: Callable[[], Awaitable[object]],
    batched: Callable[[], Awaitable[object]],
    rounds: int,
    seconds: float,
) -> None:
    for callers in CALLERS:
        found: list[tuple[float, float]] = []
        for _ in range(rounds):
            first = await rate(plain, callers, seconds)
            found.append((first, await rate(batched, callers, seconds)))
        without, with_ = (statistics.median(each) for each in zip(*found, strict=True))
        low, middle, high = statistics.quantiles([b / a for a, b in found], n=4)
        print(
            f"{name:8}{callers:4} callers {without:8.0f} /s without{with_:9.0f} /s with batching, "
            f"{middle:5.2f} times (quartiles {low:.2f} … {high:.2f})",
            flush=True,
        )


async def measure(url: str, rounds: int, seconds: float) -> None:
    ids = count(1)
    async with Database[UnitOfWork](url) as db:
        await db.execute(SCHEMA)
        queries = Queries(db.session)
        await compare(
            "lookups",
            lambda: queries.get(id=random.randint(1, ROWS)),
            lambda: queries.get_batched(id=random.randint(1, ROWS)),
            rounds,
            seconds,
        )
        await compare(
            "inserts",
            lambda: queries.add(id=next(ids)),
            lambda: queries.add_batched(id=next(ids)),
            rounds,
            seconds,
        )
        await db.execute("drop table batching_item, batching_log")


@contextmanager
def server() -> Iterator[str]:
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        try:
            yield embedded_url(f"embedded://{data}", "batching")
        finally:
            stop_durable(data)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--url", help="a database to measure on; else a scratch server")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each variant in a round")
    options = parser.parse_args()
    with nullcontext(options.url) if options.url else server() as url:
        asyncio.run(measure(url, options.rounds, options.seconds))


if __name__ == "__main__":
    main()
