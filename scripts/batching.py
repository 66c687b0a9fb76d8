"""What `-- batch` gains: calls a second of concurrent callers, with it and without.

    ./scripts/batching [--url URL] [--rounds N] [--seconds S] [--pgbench] [--uvloop]

Without a URL it starts a server of its own on the disk, which waits for it at each COMMIT as any
server does. Each caller asks again as soon as it has its answer. The variants alternate within a
round, so that what else the machine does falls on both alike. Printed are medians over the rounds:
calls a second without and with batching, and of their ratio within a round, with its quartiles.

`--pgbench` compares batched lookups with those of PostgreSQL's own client in C instead, 32 clients
of one thread, `-M prepared`; also by what client and server take of the processor for each.
"""

import argparse
import asyncio
import random
import re
import statistics
import time
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, nullcontext
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

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


class Processor:
    """Seconds that processes take of the processor; Linux only."""

    def __init__(self, *processes: int) -> None:
        self.processes = processes
        self.began = self._taken()

    def _taken(self) -> list[float]:
        stats = [Path(f"/proc/{process}/schedstat") for process in self.processes]
        return [int(stat.read_text().split()[0]) / 1e9 if stat.exists() else 0 for stat in stats]

    def taken(self) -> float:
        return sum(self._taken()) - sum(self.began)


async def against_pgbench(url: str, rounds: int, seconds: float) -> None:
    async with Database[UnitOfWork](url) as db:
        await db.execute(SCHEMA)
        queries = Queries(db.session)
        for callers in CALLERS[1:]:
            found: list[tuple[float, float]] = []
            costs: list[tuple[float, float, float, float]] = []
            for _ in range(rounds):
                servers = Processor(*await backends(db, "salacia_db"))
                began, took = time.process_time(), time.perf_counter()
                first = await rate(
                    lambda: queries.get_batched(id=random.randint(1, ROWS)), callers, seconds
                )
                calls = first * (time.perf_counter() - took) / 1e6
                ours = ((time.process_time() - began) / calls, servers.taken() / calls)
                second, *theirs = await pgbench(db, url, seconds)
                found.append((first, second))
                costs.append((*ours, *theirs))
            here, there = (statistics.median(each) for each in zip(*found, strict=True))
            low, middle, high = statistics.quantiles([a / b for a, b in found], n=4)
            client, server, *other = (statistics.median(each) for each in zip(*costs, strict=True))
            print(
                f"{callers:4} callers {here:8.0f} /s, pgbench{there:8.0f} /s, {middle:5.2f} times "
                f"(quartiles {low:.2f} … {high:.2f}); µs of client and server {client:.1f} + "
                f"{server:.1f}, pgbench {other[0]:.1f} + {other[1]:.1f}",
                flush=True,
            )
        await db.execute("drop table batching_item, batching_log")


async def backends(db: Database[UnitOfWork], name: str) -> list[int]:
    sql = "select pid from pg_stat_activity where application_name = $1 or pid = pg_backend_pid()"
    return [pid for (pid,) in await db.fetch(sql, name)]


async def pgbench(db: Database[UnitOfWork], url: str, seconds: float) -> tuple[float, ...]:
    """Its transactions a second; µs of each, of its own and of its servers in its second half."""
    with TemporaryDirectory() as folder:
        script = Path(folder) / "lookup.sql"
        script.write_text(f"\\set id random(1, {ROWS})\n{LOOKUP.format(':id')};\n")
        process = await asyncio.create_subprocess_exec(
            *("pgbench", "--no-vacuum", "-M", "prepared", "-c", "32", "-j", "1"),
            *("-T", str(max(2, round(seconds))), "-f", str(script), url),
            stdout=PIPE,
            stderr=PIPE,
        )
        await asyncio.sleep(max(2, round(seconds)) / 2)
        clients = Processor(process.pid)
        servers = Processor(*await backends(db, "pgbench"))
        began = time.perf_counter()
        await asyncio.sleep(max(2, round(seconds)) / 4)
        client, server = clients.taken(), servers.taken()
        took = time.perf_counter() - began
        told, wrong = await process.communicate()
    match = re.search(rb"tps = ([\d.]+)", told)
    if match is None:
        raise SystemExit(wrong.decode())
    transactions = float(match[1])
    calls = transactions * took / 1e6
    return transactions, client / calls, server / calls


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
    parser.add_argument("--pgbench", action="store_true", help="compare with pgbench")
    parser.add_argument("--uvloop", action="store_true", help="its event loop, not asyncio's")
    options = parser.parse_args()
    what = against_pgbench if options.pgbench else measure
    with nullcontext(options.url) if options.url else server() as url:
        run: Callable[[Coroutine[Any, Any, None]], None] = asyncio.run
        if options.uvloop:
            from uvloop import run
        run(what(url, options.rounds, options.seconds))


if __name__ == "__main__":
    main()
