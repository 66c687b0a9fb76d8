"""How fast `:bulk` and `:copy` are, beside the driver's own ways: `python tests/bulk_speed.py`.

All ways take turns, so that a busy machine slows each of them alike; the best of several turns
counts. Milliseconds for all rows, times what the driver's COPY takes, and the microseconds of the
client's processor for a row, which a busy machine leaves as they are.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import asyncpg

sys.path.insert(0, str(Path(__file__).parent / "codegen" / "types"))

from projects import imported, written

from salacia_db.postgres.scratch import scratch_database

SCHEMA = """
create table plain (id bigint primary key, name text not null, n int);
create table tagged (id bigint primary key, name text not null, n int[]);
"""
QUERIES = "\n".join(
    f"""
-- name: {table} :bulk
insert into {table} (id, name, n) values (:id, :name, :n);
-- name: {table}_returning :bulk
insert into {table} (id, name, n) values (:id, :name, :n) returning id;
-- name: {table}_copy :copy
insert into {table} (id, name, n) values (:id, :name, :n);
"""
    for table in ("plain", "tagged")
)
INSERT = "insert into {} (id, name, n) values ($1, $2, $3)"
VALUES = "insert into {} (id, name, n) values {}"
UNNEST = "insert into plain (id, name, n) select * from unnest($1::bigint[], $2::text[], $3::int[])"
RECORDS = (
    "insert into {0} (id, name, n) select * from jsonb_to_recordset($1::jsonb)"
    " as r (id bigint, name text, n {1})"
)
Way = Callable[[list[Any]], Awaitable[object]]


def parts(rows: list[Any], size: int) -> list[list[Any]]:
    return [rows[at : at + size] for at in range(0, len(rows), size)]


def ways(raw: asyncpg.Connection, db: Any, table: str, module: Any) -> dict[str, Way]:
    """Each way by its name; every one writes rows in one transaction."""
    import msgspec

    async def copy(rows: list[Any]) -> None:
        await raw.copy_records_to_table(table, records=rows, columns=["id", "name", "n"])

    async def executemany(rows: list[Any]) -> None:
        await raw.executemany(INSERT.format(table), rows)

    async def values(rows: list[Any]) -> None:
        async with raw.transaction():
            for some in parts(rows, 100):
                places = (f"(${3 * i + 1}, ${3 * i + 2}, ${3 * i + 3})" for i in range(len(some)))
                sql = VALUES.format(table, ", ".join(places))
                await raw.execute(sql, *(value for row in some for value in row))

    async def unnest(rows: list[Any]) -> None:
        async with raw.transaction():
            for some in parts(rows, 1000):
                await raw.execute(UNNEST, *zip(*some, strict=True))

    async def records(rows: list[Any]) -> None:
        sql = RECORDS.format(table, "int" if table == "plain" else "int[]")
        async with raw.transaction():
            for some in parts(rows, 1000):
                entries = [{"id": id_, "name": name, "n": n} for id_, name, n in some]
                await raw.execute(sql, msgspec.json.encode(entries).decode())

    def generated(name: str) -> Way:
        method = getattr(db.kept, name)
        kind = vars(module)[f"Kept{name.title().replace('_', '')}Input"]

        async def run(rows: list[Any]) -> None:
            await method(kind(id=id_, name=text, n=n) for id_, text, n in rows)

        return run

    found: dict[str, Way] = {
        "COPY of the driver": copy,
        ":copy": generated(f"{table}_copy"),
        "unnest": unnest,
        "jsonb_to_recordset": records,
        "VALUES of 100 rows": values,
        "executemany": executemany,
        ":bulk": generated(table),
        ":bulk with RETURNING": generated(f"{table}_returning"),
    }
    if table == "tagged":
        del found["unnest"]
    return found


async def main(url: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        package = written(Path(folder), "speed", SCHEMA, QUERIES)
        raw = await asyncpg.connect(url)
        await raw.execute(SCHEMA)
        async with imported(package).connect(url) as db:
            module = sys.modules[type(db.kept).__module__]
            for table in ("plain", "tagged"):
                found = ways(raw, db, table, module)
                for number, turns in ((1_000, 15), (100_000, 3)):
                    rows = [
                        (i, f"name {i}", i if table == "plain" else [i, i + 1])
                        for i in range(number)
                    ]
                    best = dict.fromkeys(found, float("inf"))
                    own = dict.fromkeys(found, float("inf"))
                    for _ in range(turns):
                        for name, way in found.items():
                            await raw.execute(f"truncate {table}")
                            began, busy = perf_counter(), process_time()
                            await way(rows)
                            best[name] = min(best[name], perf_counter() - began)
                            own[name] = min(own[name], process_time() - busy)
                    for name, seconds in best.items():
                        times = seconds / best["COPY of the driver"]
                        each = 1e6 * own[name] / number
                        print(
                            f"{table:7}{number:8}  {name:22}{seconds * 1e3:9.1f} ms {times:6.2f}"
                            f" {each:6.2f} us"
                        )
        await raw.close()


if __name__ == "__main__":
    with scratch_database() as made:
        asyncio.run(main(made))
