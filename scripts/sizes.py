"""What pages, searches, statistics and writes take on the server as the table grows.

    ./scripts/sizes 100000 1000000

For each number it starts a server of its own, loads so many interactions (see load.py), measures
and removes it all. Times are milliseconds in the server, planning included, the best of three: the
data is in memory as far as it fits. `deep` is the page in the middle of the list.
"""

import argparse
import asyncio
import base64
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

import salacia
from load import DAYS, MODELS, PROVIDERS, Refused, load, set_aside
from salacia_db.config import EMBEDDED_DATABASE
from salacia_db.gateway import upkeep
from salacia_db.postgres import embedded_url, stop_durable
from salacia_db.runtime import Page, Row, Statement
from salacia_db.runtime.pages.cursor import encode

Figures = dict[str, float]

SETTINGS = {
    "shared_buffers": "4GB",
    "work_mem": "64MB",
    "effective_cache_size": "12GB",
    "max_wal_size": "8GB",
    "random_page_cost": "1.1",
}
"""What a server with this much data is given; the rest is as PostgreSQL has it."""

KEYS = {
    "newest": "created_at desc, id desc",
    "oldest": "created_at, id",
    "id": "id",
    "model": "model, created_at, id",
    "most_tokens": "total_tokens desc nulls last, id desc",
    "fewest_tokens": "total_tokens nulls first, id",
    "slowest": "response_time_ms desc nulls last, id desc",
}


class Timed:
    """A session that runs each statement, and notes what the server takes for it."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.took = 0.0

    async def fetch(self, statement: Statement, *values: Any) -> list[Row]:
        """The rows; `took` is the best of three."""
        explain = f"explain (analyze, timing off, format json) {statement.sql}"
        times: list[float] = []
        for _ in range(3):
            found = json.loads(await self._connection.fetchval(explain, *values))[0]
            times.append(found["Planning Time"] + found["Execution Time"])
        self.took = min(times)
        rows: list[Row] = await self._connection.fetch(statement.sql, *values)
        return rows

    async def fetchone(self, statement: Statement, *values: Any) -> Row:
        """The first row."""
        return (await self.fetch(statement, *values))[0]


class Bench:
    """The statements of `salacia`, timed on one database."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self.session: Any = Timed(connection)
        self.messages = salacia.messages.MessagesQueries(self.session)
        self.statistics = salacia.statistics.StatisticsQueries(self.session)
        self.end = datetime.now(UTC)
        self.figures: Figures = {}

    def note(self, name: str, milliseconds: float) -> None:
        """Keep and show a figure."""
        self.figures[name] = milliseconds
        print(f"  {name:64} {milliseconds:10.2f}", flush=True)

    async def pages(self) -> None:
        """The first page and one in the middle, by every order and every filter."""
        tokens, slow = await self.rare("total_tokens"), await self.rare("response_time_ms")
        cases: dict[str, tuple[dict[str, Any], str]] = {
            **{f"by {sort}": ({"sort": sort}, "true") for sort in KEYS},
            "model": ({"model": "model-0"}, "model = 'model-0'"),
            "rare model": ({"model": "model-39"}, "model = 'model-39'"),
            "provider": (
                {"provider_id": UUID(int=0x19)},
                "provider_id = '00000000-0000-0000-0000-000000000019'",
            ),
            "failed": ({"failed": True}, "errored"),
            "not failed": ({"failed": False}, "not errored"),
            "a day": (
                {"since": self.end - timedelta(days=16), "until": self.end - timedelta(days=15)},
                "created_at between now() - interval '16 days' and now() - interval '15 days'",
            ),
            "1 % by tokens": ({"min_tokens": tokens}, f"total_tokens >= {tokens}"),
            "1 % by time": ({"min_response_time_ms": slow}, f"response_time_ms >= {slow}"),
            "few tokens": ({"max_tokens": 25}, "total_tokens <= 25"),
            "quick": ({"max_response_time_ms": 21}, "response_time_ms <= 21"),
            "model, failed, tokens": (
                {"model": "model-3", "failed": True, "min_tokens": 1000},
                "model = 'model-3' and errored and total_tokens >= 1000",
            ),
        }
        for name, (given, condition) in cases.items():
            page = await self.messages.search(**given)
            self.note(f"page, {name}", self.session.took)
            if page.next is not None:
                after = await self.middle(page, given.get("sort", "newest"), condition)
                await self.messages.search(**given, after=after)
                self.note(f"page, {name}, deep", self.session.took)

    async def rare(self, column: str) -> int:
        """What one in a hundred reaches."""
        found: int = await self.connection.fetchval(
            f"select {column} from ai_interactions order by {column} desc nulls last"
            " offset (select count(*) / 100 from ai_interactions) limit 1"
        )
        return found

    async def middle(self, page: Page[Any], sort: str, condition: str) -> str:
        """The cursor of the row in the middle of all that the condition finds."""
        columns = ", ".join(key.split()[0] for key in KEYS[sort].split(", "))
        found = await self.connection.fetchrow(
            f"with found as (select {columns} from ai_interactions where {condition})"
            f" select * from found order by {KEYS[sort]}"
            " offset (select count(*) / 2 from found) limit 1"
        )
        # A cursor of the same list, as `page.next` is, for a row that nobody walked to.
        data = base64.urlsafe_b64decode(page.next + "=" * (-len(page.next or "") % 4))[:-4]
        return encode(msgspec.msgpack.decode(data)[1], tuple(found), inclusive=False)

    async def searches(self) -> None:
        """A page of a rare word, of one in a hundred messages, and with filters."""
        for given in (
            {"search": "needle"},
            {"search": "often"},
            {"search": "often needle"},
            {"search": "nowhere"},
            {"search": "often", "model": "model-39", "failed": False},
        ):
            await self.messages.search(**given)  # type: ignore[arg-type]
            self.note(f"search, {' '.join(map(str, given.values()))}", self.session.took)

    async def dashboard(self, label: str) -> None:
        """All that the dashboard asks."""
        total = 0.0
        for name in ("periods", "hourly", "top_models"):
            await getattr(self.statistics, name)()
            self.note(f"dashboard {label}, {name}", self.session.took)
            total += self.session.took
        self.note(f"dashboard {label}, all three", total)

    async def filtered(self) -> None:
        """Figures of filters, most of which find some 100,000 messages of ten million."""
        tokens, slow = await self.rare("total_tokens"), await self.rare("response_time_ms")
        span = DAYS * timedelta(days=1) / 100
        period = {
            "since": self.end - timedelta(days=10),
            "until": self.end - timedelta(days=10) + span,
        }
        for name, given in {
            "everything": {},
            "model": {"model": "model-0"},
            "model, provider, failed": {
                "model": "model-0",
                "provider_id": UUID(int=0x19),
                "failed": True,
            },
            "1 % by period": period,
        }.items():
            await self.statistics.overview(**given)  # type: ignore[arg-type]
            self.note(f"overview, {name}", self.session.took)
        for name, given in {
            "1 % by period": period,
            "1 % by tokens": {"min_tokens": tokens},
            "1 % by time": {"min_response_time_ms": slow},
            "1 % by word": {"search": "often"},
            "tokens of a rare model": {"min_tokens": 2000, "model": "model-39"},
            "tokens of a day": period | {"min_tokens": 1000},
            "failed by time": {"failed": True, "min_response_time_ms": 10_000},
        }.items():
            await self.statistics.summary(**given)  # type: ignore[arg-type]
            self.note(f"summary, {name}", self.session.took)

    async def sizes(self) -> None:
        """What lies on the disk, in MB."""
        rows = await self.connection.fetch(
            """
            select relname::text as name, pg_relation_size(oid) / 1e6 as mb
            from pg_class
            where oid = 'ai_interactions'::regclass
               or oid = (select reltoastrelid from pg_class where relname = 'ai_interactions')
               or relname like 'interaction\\_%' and relkind in ('r', 'i')
               or oid in (
                 select indexrelid from pg_index where indrelid = 'ai_interactions'::regclass
               )
            order by 2 desc
            """
        )
        for row in rows:
            name = "requests and answers" if "toast" in row["name"] else row["name"]
            self.note(f"MB, {name}", float(row["mb"]))


async def writes(bench: Bench, db: salacia.Database, seconds: float) -> None:
    """What two tasks record in a second, and what it costs, with less and less beside."""
    words = await db.fetchval("select request #>> '{messages,0,content}' from ai_interactions")
    body = {"messages": [{"role": "user", "content": words}]}

    async def record(until: float) -> int:
        done = 0
        while time.perf_counter() < until:
            await db.ai_interactions.create(
                provider_id=UUID(f"{done % PROVIDERS:032}"),
                model=f"model-{done % MODELS}",
                request=body,
                response=body,
                status_code=200,
                total_tokens=done * 7919 % 8000,
                response_time_ms=done * 104729 % 30_000,
            )
            done += 1
        return done

    async def used() -> float:
        sessions = "select pid from pg_stat_activity where backend_type = 'client backend'"
        return processor_time(row[0] for row in await db.fetch(sessions))

    async def rate(name: str) -> None:
        await upkeep.round_of(db)
        before = await used()
        until = time.perf_counter() + seconds
        done = sum(await asyncio.gather(record(until), record(until)))
        bench.note(f"recorded a second, {name}", done / seconds)
        bench.note(f"µs of the server for one, {name}", (await used() - before) * 1e6 / done)

    await rate("as it is")
    keeping = asyncio.create_task(upkeep.keep_up(db, timedelta(seconds=1)))
    await rate("with the upkeep beside")
    keeping.cancel()
    await asyncio.wait([keeping])
    await db.execute("drop index ai_interactions_words_idx")
    await rate("without the index of words")
    await db.execute("alter table ai_interactions disable trigger user")
    await rate("without triggers, too")
    await set_aside(bench.connection)
    await rate("with the primary key alone")


def processor_time(pids: Iterable[int]) -> float:
    """Seconds that the server's sessions have computed, whatever else the machine has to do."""
    ticks = 0
    for pid in pids:
        # The fields after the program's name, which may hold blanks and brackets.
        with suppress(FileNotFoundError, ProcessLookupError):  # a session that has just ended
            fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def measure(url: str, seconds: float) -> Figures:
    """All figures of a loaded database, which loses its indexes."""
    connection = await asyncpg.connect(url)
    try:
        bench = Bench(connection)
        await bench.sizes()
        await bench.pages()
        await bench.searches()
        await bench.dashboard("folded")
        await bench.filtered()
        await connection.execute(
            "insert into ai_interactions (model, request) select 'model-2', '{}'"
            " from generate_series(1, 10000)"
        )
        await bench.dashboard("with 10,000 changes")
        async with salacia.connect(url) as db:
            await writes(bench, db, seconds)
        return bench.figures
    finally:
        await connection.close()


def configured(folder: Path) -> str:
    """The URL of a server in this folder, with its settings in force."""
    source = f"embedded://{folder}"
    url = embedded_url(source, EMBEDDED_DATABASE)

    async def configure() -> None:
        connection = await asyncpg.connect(url)
        for name, value in SETTINGS.items():
            await connection.execute(f"alter system set {name} = '{value}'")
        await connection.close()

    asyncio.run(configure())
    stop_durable(folder)
    return embedded_url(source, EMBEDDED_DATABASE)


def main() -> None:
    """Load and measure each size, then print one table."""
    parser = argparse.ArgumentParser(
        prog="./scripts/sizes", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("interactions", type=int, nargs="+")
    parser.add_argument("--seconds", type=float, default=10, help="of each rate of writes")
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="where the data goes")
    options = parser.parse_args()
    found: list[Figures] = []
    for count in options.interactions:
        root = Path(options.folder) / f"salacia-sizes-{count}"
        folder = root / "postgres"
        if root.exists():
            raise SystemExit(f"{root} is there already; remove it, or name another --folder")
        print(f"{count:,} interactions", flush=True)
        try:
            url = configured(folder)
            asyncio.run(load(url, count))
            found.append(asyncio.run(measure(url, options.seconds)))
        except Refused as error:
            raise SystemExit(f"error: {error}") from None
        finally:
            stop_durable(folder)
            shutil.rmtree(root, ignore_errors=True)
    print("| |" + "".join(f" {count:,} |" for count in options.interactions))
    print("|---|" + "---|" * len(found))
    for name in found[-1]:
        cells = (f"{each[name]:,.1f}" if name in each else "" for each in found)
        print(f"| {name} |" + "".join(f" {cell} |" for cell in cells))


if __name__ == "__main__":
    main()
