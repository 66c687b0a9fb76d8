"""What is checked after every scenario beside the ledger: P, S, D and L."""

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Iterable
from time import monotonic
from typing import Any

import asyncpg

from faults.clients import Client
from faults.ledger import Entry

WITHIN = 5.0
"""So many seconds the pool has to be whole again, and sessions to be gone."""
GRACE = 0.25
LATEST = 1.0

# What a borrower could leave behind. `setting` is one that no client here sets when it connects.
STATE = """
select concat_ws(' ',
  'user', current_user, session_user,
  'path', current_setting('search_path'),
  'setting', coalesce(current_setting('faults.setting', true), ''), current_setting('work_mem'),
  current_setting('default_transaction_isolation'), current_setting('statement_timeout'),
  'temporary', (select count(*) from pg_class where relnamespace = pg_my_temp_schema()),
  'locks', (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
  'channels', (select count(*) from pg_listening_channels()),
  'cursors', (select count(*) from pg_cursors where is_holdable),
  'prepared', (select count(*) from pg_prepared_statements where from_sql),
  'written', pg_current_xact_id_if_assigned()
)
"""

SESSIONS = """
select count(*), count(*) filter (where state like 'idle in transaction%')
from pg_stat_activity
where datname = current_database() and application_name = $1
"""


class Lag:
    """How late the event loop itself is: that much of a delay is the machine's, not a library's."""

    _TICK = 0.005

    def __init__(self) -> None:
        self._late: list[tuple[float, float]] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Lag":
        self._task = asyncio.ensure_future(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()

    async def _tick(self) -> None:
        while True:
            due = monotonic() + self._TICK
            await asyncio.sleep(self._TICK)
            late = monotonic() - due
            if late > self._TICK:
                self._late.append((due, late))

    def since(self, began: float) -> float:
        """The seconds by which the loop was late since then, together."""
        total = 0.0
        for due, late in reversed(self._late):
            if due + late < began:
                break
            total += late
        return total


async def finished(work: Iterable[Awaitable[Any]], seconds: float) -> bool:
    """Whether all of it ended well within so many seconds; what didn't end is left alone."""
    tasks = [asyncio.ensure_future(each) for each in work]
    done, pending = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for task in pending:
        task.cancel()
    if pending:
        # Not for long: what can't be cancelled is what is looked for here.
        await asyncio.wait(pending, timeout=0.5)
    failed = [task for task in done if task.cancelled() or task.exception() is not None]
    return not pending and not failed


async def lends_all(client: Client, within: float = WITHIN) -> float | None:
    """The seconds until the pool has lent all its connections at once; None where it doesn't."""
    began = monotonic()
    while (left := within - (monotonic() - began)) > 0:
        everybody = asyncio.Barrier(client.size)

        async def borrow(everybody: asyncio.Barrier = everybody) -> None:
            async with client.unit() as session:
                await session.fetchval("select 1")
                await everybody.wait()

        if await finished((borrow() for _ in range(client.size)), left):
            return monotonic() - began
        await asyncio.sleep(0.02)
    return None


async def sessions(client: Client, bystander: asyncpg.Connection) -> int:
    """Violations of S: 0, once there are no more than N sessions and none idle in transaction."""
    began = monotonic()
    while True:
        row = await bystander.fetchrow(SESSIONS, client.application)
        assert row is not None
        count, idle = row
        wrong = max(0, count - client.size) + idle
        if wrong == 0 or monotonic() - began > WITHIN:
            return int(wrong)
        await asyncio.sleep(0.05)


async def states(client: Client, fresh: str) -> int:
    """Violations of L: the connections of the pool that aren't as a new one is."""
    everybody = asyncio.Barrier(client.size)
    seen: list[str] = []

    async def look() -> None:
        async with client.unit() as session:
            seen.append(await session.fetchval(STATE))
            await everybody.wait()

    await finished((look() for _ in range(client.size)), WITHIN)
    return sum(state != fresh for state in seen)


def lateness(entries: Iterable[Entry]) -> int:
    """Violations of D: those who came back more than a second late, or too many a bit late."""
    late = sorted(entry.late for entry in entries)
    if not late:
        return 0
    never = sum(each > LATEST for each in late)
    allowed = len(late) - math.ceil(0.999 * len(late))
    bit = sum(each > GRACE for each in late)
    return never if bit <= allowed else bit


def none() -> Counter[str]:
    """No violations: every letter, 0 times."""
    return Counter(dict.fromkeys("ABCPSDLK", 0))
