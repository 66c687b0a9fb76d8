"""Two primaries: a standby was promoted, and the one before lives on and takes writes."""

import asyncio
from typing import Literal

import asyncpg

from faults.clients import Salacia
from faults.proxy import Verdict, always
from faults.scenario import Bench, scenario
from faults.scenarios.demotion import all_have_left, fence, move_on
from faults.scenarios.failover import REPLICATED, until
from faults.servers import standby_of
from salacia_db.runtime import CommitOutcomeUnknown

_LAST = "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_TAKE = """
do $$ begin
  while ({last}) < {until} loop perform pg_current_xact_id(); {end}; end loop;
end $$
"""


@scenario(
    "two primaries, transaction numbers given out by both",
    quick=4,
    full=8,
    own=True,
    size=24,
    timeout=5.0,
    settings=REPLICATED,
)
async def split_brain(bench: Bench) -> None:
    standby = await bench.keep(standby_of(bench.server))
    old = await asyncpg.connect(bench.server.url())
    await bench.attempts_at_once(bench.client.size)
    await bench.fill()
    there = await asyncpg.connect(standby.url())
    await until(there, "select count(*) from ledger", 2 * bench.client.size)
    await there.close()
    await move_on(bench, standby)
    # The pool's connections still lead to the old one, where all they write is committed.
    bench.proxy.lead_to(bench.direct)
    await _cut_commits(bench, old, "before", "commit")
    await _cut_commits(bench, old, "after", "rollback")
    async with bench.load():
        await asyncio.sleep(0.5)
        # As a cluster manager does, in the end.
        await fence(old)
        await bench.recovered()
        await asyncio.sleep(0.5)
    await all_have_left(bench, old)
    # What the old one alone has is brought over, as people then do: it was not promised in vain.
    rows = await old.fetch("select id, part, note from ledger")
    insert = "insert into ledger values ($1, $2, $3) on conflict do nothing"
    await bench.bystander.executemany(insert, [tuple(row) for row in rows])
    old.terminate()


async def _cut_commits(
    bench: Bench, old: asyncpg.Connection, cut: Verdict, end: Literal["commit", "rollback"]
) -> None:
    """Attempts on the old primary, whose numbers on the new one others have, who end otherwise.

    Commits are cut before the server has them, where others have committed under their numbers, or
    after, where others have rolled back.
    """
    last = int(await bench.bystander.fetchval(_LAST))
    await old.execute(_TAKE.format(last=_LAST, until=last, end="commit"))
    await bench.bystander.execute(
        _TAKE.format(last=_LAST, until=last + 4 * bench.attempts, end=end)
    )
    bench.proxy.rule = always(b"COMMIT", cut)
    entries = await bench.attempts_at_once(bench.attempts)
    bench.proxy.heal()
    for entry in entries:
        if isinstance(entry.error, CommitOutcomeUnknown):
            status = "select pg_xact_status($1::text::xid8)"
            found = await bench.bystander.fetchval(status, str(entry.error.xid))
            assert found == {"commit": "committed", "rollback": "aborted"}[end], found
        elif isinstance(bench.client, Salacia):
            raise AssertionError(f"{cut}: not cut, but {entry.told}")
    # Those that idle are asked for a sign of life: they are there still.
    await asyncio.sleep(0.1)
