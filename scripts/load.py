"""Fill an empty database with a month of interactions, 1 KB of JSON each way, as fast as it goes.

The server makes the rows from fragments of text that were sent once. Triggers rest meanwhile;
foreign keys, and indexes other than those of constraints, are made when the rows are there; the
figures are counted at the end, and everything is on the disk then. Ten million take some 50 GB.
"""

import argparse
import asyncio
import itertools
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from tqdm import tqdm

from salacia_db.config import EMBEDDED_DATABASE
from salacia_db.postgres import embedded_url
from salacia_db.postgres.migrations.migrator import Migrator

ROOT = Path(__file__).parents[1]
FRAGMENTS = 20_000
CHUNK = 20_000
SPARE = 15 << 30
"""Bytes of disk to leave."""
DAYS = 30
MODELS, PROVIDERS = 40, 20
"""The last model has one message in 120; `often` is in one of 100, `needle` in one of 100,000."""

PREPARE = f"""
insert into ai_providers (id, name, type)
select lpad(n::text, 32, '0')::uuid, 'provider ' || n, 'openai'
from generate_series(0, {PROVIDERS - 1}) n;
create unlogged table load_fragments (place int primary key, text text not null);
alter table ai_interactions disable trigger user;
-- Each text by itself is too short and too varied for pglz, so that trying is in vain.
alter table ai_interactions
  alter request set storage external, alter response set storage external,
  set (autovacuum_enabled = off);
"""
RESTORE = """
drop table load_fragments;
alter table ai_interactions
  alter request set storage extended, alter response set storage extended,
  reset (autovacuum_enabled);
alter table ai_interactions enable trigger user;
alter index ai_interactions_words_idx alter column 1 set statistics 0;
"""
ROWS = f"""
insert into ai_interactions (
  id, provider_id, model, request, response, prompt_tokens, completion_tokens, total_tokens,
  response_time_ms, status_code, error, created_at
)
select
  (lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0')
    || '7' || left(hash, 3) || '8' || substr(hash, 4, 15))::uuid,
  -- Most models have one provider, a few have two.
  lpad(((model / 2 + (dice[1] < 0.1 and model % 4 = 0)::int) % {PROVIDERS})::text, 32, '0')::uuid,
  'model-' || model,
  jsonb_build_object('model', 'm', 'messages', jsonb_build_array(jsonb_build_object(
    'role', 'user', 'content', one.text || ' ' || two.text || ' everywhere'
      || case when n % 100 = 0 then ' often' else '' end
      || case when n % 100000 = 0 then ' needle' else '' end
  ))),
  case when not errored then jsonb_build_object('choices', jsonb_build_array(jsonb_build_object(
    'message', jsonb_build_object('role', 'assistant', 'content', three.text || ' ' || four.text)
  ))) end,
  tokens / 2, tokens - tokens / 2, tokens,
  20 + (30000 * dice[4] ^ 4)::int,
  case when errored then 503 else 200 end,
  case when errored then 'provider unavailable' end,
  moment
from generate_series($1::bigint, $2::bigint - 1) n
cross join lateral (
  select md5(n::text) as hash,
         $3::timestamptz - ($4::bigint - n) * ({DAYS} * interval '1 day' / $4::bigint) as moment
) as of_row
cross join lateral (
  select array[
    ('x' || left(hash, 7))::bit(28)::int, ('x' || substr(hash, 8, 7))::bit(28)::int,
    ('x' || substr(hash, 15, 7))::bit(28)::int, ('x' || substr(hash, 22, 7))::bit(28)::int
  ]::float8[] as thrown
) as of_hash
cross join lateral (
  select array[thrown[1] / 268435456, thrown[2] / 268435456, thrown[3] / 268435456,
               thrown[4] / 268435456] as dice
) as of_dice
cross join lateral (
  select n % 25 = 7 as errored, 20 + (8000 * dice[3] ^ 3)::int as tokens,
         floor({MODELS} * dice[2] ^ 3)::int as model
) as figures
join load_fragments one on one.place = n % {FRAGMENTS}
join load_fragments two on two.place = (n * 7919 + n / {FRAGMENTS}) % {FRAGMENTS}
join load_fragments three on three.place = (n * 104729 + n / {FRAGMENTS} * 31) % {FRAGMENTS}
join load_fragments four on four.place = (n * 1299709 + n / {FRAGMENTS} * 97) % {FRAGMENTS}
order by n
"""


class Refused(Exception):
    """There is something in the way of loading."""


def main() -> None:
    """Load, and say how long each step took."""
    parser = argparse.ArgumentParser(prog="./scripts/load", description=__doc__)
    parser.add_argument("--interactions", type=int, default=100_000)
    parser.add_argument(
        "--database-url", default=os.environ.get("DATABASE_URL", "embedded:"), metavar="URL"
    )
    options = parser.parse_args()
    url: str = options.database_url
    if url.startswith("embedded:"):
        url = embedded_url(url, EMBEDDED_DATABASE)
    try:
        asyncio.run(load(url, options.interactions))
    except Refused as error:
        raise SystemExit(f"error: {error}") from None


async def load(url: str, count: int) -> None:
    """Bring an empty database to the last migration and fill it."""
    Migrator(url, ROOT / "migrations").up()
    connection = await asyncpg.connect(url)
    try:
        if await connection.fetchval("select exists (select from ai_interactions)"):
            raise Refused("there are interactions already; load into an empty database")
        await prepare(connection)
        later = await set_aside(connection)
        await connection.execute("set maintenance_work_mem = '1GB'")
        with step(f"{count:,} rows"):
            await fill(url, count, await connection.fetchval("show data_directory"))
        for name, definition in later.items():
            with step(name):
                await connection.execute(definition, timeout=7200)
        await finish(connection)
    finally:
        await connection.close()


async def prepare(connection: asyncpg.Connection) -> None:
    """Providers, fragments of text, and triggers at rest."""
    await connection.execute(PREPARE)
    dice = random.Random(7)
    words = [
        "".join(dice.choices("aeioubdfgklmnprst", k=dice.randint(2, 10))) for _ in range(20_000)
    ]
    # As in every language: few words are most of what is said.
    weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(words))))
    texts = (
        (n, " ".join(dice.choices(words, cum_weights=weights, k=75))[:470])
        for n in range(FRAGMENTS)
    )
    await connection.copy_records_to_table("load_fragments", records=texts)
    await connection.execute("analyze load_fragments")


async def set_aside(connection: asyncpg.Connection) -> dict[str, str]:
    """Drop foreign keys and the indexes that enforce nothing; returns what makes them again."""
    rows = await connection.fetch(
        """
        select conname::text as name,
               format('alter table ai_interactions drop constraint %I', conname) as dropping,
               format('alter table ai_interactions add constraint %I %s', conname,
                      pg_get_constraintdef(oid)) as making
        from pg_constraint
        where conrelid = 'ai_interactions'::regclass and contype = 'f'
        union all
        select indexrelid::regclass::text, format('drop index %s', indexrelid::regclass),
               pg_get_indexdef(indexrelid)
        from pg_index
        where indrelid = 'ai_interactions'::regclass
          and not exists (select from pg_constraint where conindid = indexrelid)
        """
    )
    for row in rows:
        await connection.execute(row["dropping"])
    return {row["name"]: row["making"] for row in rows}


def free(folder: str) -> int:
    """Bytes left where the server keeps its data; as good as endless if that is elsewhere."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return sys.maxsize


async def fill(url: str, count: int, folder: str) -> None:
    """Insert the rows by two sessions; stops where the disk would be full."""
    end = datetime.now(UTC)
    starts = iter(range(0, count, CHUNK))
    with tqdm(total=count, unit=" rows", leave=False) as progress:

        async def work() -> None:
            connection = await asyncpg.connect(url)
            try:
                await connection.execute("set synchronous_commit = off")
                for start in starts:
                    if free(folder) < SPARE:
                        raise Refused(f"less than {SPARE >> 30} GB of disk are left; stopped")
                    stop = min(start + CHUNK, count)
                    await connection.execute(ROWS, start, stop, end, count)
                    progress.update(stop - start)
            finally:
                await connection.close()

        await asyncio.gather(work(), work())


async def finish(connection: asyncpg.Connection) -> None:
    """Count the figures, and leave the table as a long-lived one is."""
    await connection.execute(RESTORE)
    with step("figures"):
        await connection.execute("select recount_interactions()", timeout=7200)
        await connection.execute("select fold_interaction_changes(2147483647)", timeout=7200)
    with step("vacuum"):
        await connection.execute("vacuum (analyze, parallel 0)", timeout=7200)
    with step("checkpoint"):
        await connection.execute("checkpoint", timeout=7200)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Say how long a step took."""
    start = time.perf_counter()
    yield
    print(f"  {name:64} {time.perf_counter() - start:8.1f} s", flush=True)


if __name__ == "__main__":
    main()
