"""EXPLAIN ANALYZE of some shapes of `messages.search`, each as the run time sends it."""

import argparse
import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

import salacia
from salacia_db.postgres.migrations.migrator import Migrator
from salacia_db.postgres.scratch import scratch_database
from salacia_db.runtime import Statement

ROOT = Path(__file__).parents[1]

# The words' index is made when the rows are there, which takes a fraction of the time.
FILL = """
drop index ai_interactions_words_idx;
insert into ai_providers (id, name, type)
select lpad(n::text, 32, '0')::uuid, 'provider ' || n, 'openai' from generate_series(1, 20) n;
insert into ai_interactions (provider_id, model, request, response, error, status_code,
  total_tokens, response_time_ms, created_at)
select lpad((1 + n % 20)::text, 32, '0')::uuid, 'model-' || n % 40,
       jsonb_build_object('prompt', 'word' || n % 5000), '{"completion": "yes"}',
       case when n % 100 = 0 then 'timeout' end, 200,
       n::bigint * 7919 % 4000, n::bigint * 104729 % 20000, now() - n * interval '3 seconds'
from generate_series(1, $1) n;
create index ai_interactions_words_idx on ai_interactions
  using gin (message_words(request, response));
alter index ai_interactions_words_idx alter column 1 set statistics 0;
vacuum analyze
"""

DAY = datetime.now(UTC) - timedelta(days=1)
SHAPES: list[dict[str, Any]] = [
    {},
    {"model": "model-7"},
    {"model": "model-7", "since": DAY, "until": DAY + timedelta(hours=2)},
    {"provider_id": UUID(f"{7:032}")},
    {"failed": True},
    {"min_tokens": 3990, "sort": "most_tokens"},
    {"sort": "slowest"},
    {"search": "word77"},
    {"search": "word77", "model": "model-37", "failed": False},
]


class Explained:
    """A session that explains what it is given to fetch, and gives no rows."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def fetch(self, statement: Statement, *values: Any) -> list[Any]:
        """Print the plan, without what is the same in each."""
        rows = await self._connection.fetch(
            f"explain (analyze, costs off, timing off, buffers off) {statement.sql}", *values
        )
        for (line,) in rows:
            if re.search("->|Index Cond|Filter:|Execution Time", line):
                print("   ", line)
        return []


async def explain(url: str, interactions: int) -> None:
    """Fill the database, then explain each shape."""
    connection = await asyncpg.connect(url)
    await connection.set_type_codec("jsonb", encoder=str, decoder=str, schema="pg_catalog")
    for command in FILL.replace("$1", str(interactions)).split(";"):
        await connection.execute(command)
    messages = salacia.messages.MessagesQueries(Explained(connection))  # type: ignore[arg-type]
    for shape in SHAPES:
        given = ", ".join(f"{name}={value!s}" for name, value in shape.items())
        print(f"search({given})")
        await messages.search(**shape)
    await connection.close()


def main() -> None:
    """Explain on a database of its own, which is gone afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interactions", type=int, default=1_000_000)
    count: int = parser.parse_args().interactions
    with scratch_database() as url:
        Migrator(url, ROOT / "migrations").up()
        asyncio.run(explain(url, count))


if __name__ == "__main__":
    main()
