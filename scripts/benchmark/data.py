"""The tables and their rows, and what lies between two measurements."""

import json
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from benchmark.models import NEW
from benchmark.workloads import BULK, STREAMED, WORKLOADS, WRITTEN, Seeded, arguments

_FOLDER = Path(__file__).parent
_SAMPLE = 2000
_ADDED = "bench-insert"

# What workloads have written, whatever keys and times it got.
_WRITTEN = f"""
select
    case when p.name like 'bench-%' then p.settings::text else i.provider_id::text end as provider,
    {", ".join("i." + name + "::text" for name in NEW if name != "provider_id")}
from ai_interactions i
left join ai_providers p on p.id = i.provider_id
where i.model = '{_ADDED}' or i.response_time_ms >= {WRITTEN}
"""
DIGEST = f"""
select count(*) || ' rows, ' || md5(string_agg(hash, '' order by hash))
from (select md5(written::text) as hash from ({_WRITTEN}) written) hashes
"""


async def seed(connection: asyncpg.Connection, rows: int) -> dict[str, Any]:
    """Makes tables and so many rows; what the workers' processes need to know."""
    await connection.execute((_FOLDER / "schema.sql").read_text("utf-8"))
    await connection.execute((_FOLDER / "seed.sql").read_text("utf-8").replace("$ROWS", str(rows)))
    samples = await connection.fetch(
        "select i.* from ai_interactions i order by md5(id::text) limit $1", _SAMPLE
    )
    times = await connection.fetch(
        "select created_at from ai_interactions order by created_at limit $1", max(1, rows - BULK)
    )
    seeded = Seeded(
        ids=[str(row["id"]) for row in samples],
        models=sorted({row["model"] for row in samples}),
        times=[row["created_at"].isoformat() for row in times[:: max(1, len(times) // 200)]],
        rows=[_new(samples[n % len(samples)]) for n in range(BULK)],
        streamed=min(rows, STREAMED),
    )
    return {
        each.name: {
            "method": each.method,
            "kinds": each.kinds,
            "fields": each.fields,
            "arguments": arguments(each, seeded),
        }
        for each in WORKLOADS
    }


def _new(row: asyncpg.Record) -> dict[str, Any]:
    found = {name: row[name] for name in NEW}
    new: dict[str, Any] = msgspec.to_builtins(
        {
            **found,
            "model": _ADDED,
            "request": json.loads(found["request"]),
            "response": json.loads(found["response"]),
        }
    )
    return new


async def undo(connection: asyncpg.Connection) -> None:
    """Takes back what workloads have written, so that the next finds what the first found."""
    await connection.execute(
        f"""
        delete from ai_interactions where model = '{_ADDED}';
        delete from ai_providers where name like 'bench-%';
        update ai_interactions set response_time_ms = 100 where response_time_ms >= {WRITTEN};
        """
    )


async def tidy(connection: asyncpg.Connection) -> None:
    """`undo`, and what autovacuum would do at a time of its own."""
    await undo(connection)
    await connection.execute("vacuum analyze ai_interactions")
    await connection.execute("vacuum analyze ai_providers")
    await connection.execute("checkpoint")
