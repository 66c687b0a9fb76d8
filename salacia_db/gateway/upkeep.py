"""Upkeep: figures brought up, words sorted, and what is too old deleted, a little at a time."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from salacia import Database

BATCH = 5_000
"""Rows deleted in one transaction."""
FOLD = 5_000
"""Changes folded in one transaction; what is committed meanwhile is told to followers after it."""


class Retention(Struct, frozen=True, kw_only=True):
    """How long rows are kept; None for ever."""

    interactions: timedelta | None = None
    requests: timedelta | None = None
    checks: timedelta | None = None
    events: timedelta = timedelta(minutes=10)
    """Events of messages, for followers who come back: what `MessageEvents(keep=…)` counts on."""


class Kept(Struct, frozen=True, kw_only=True):
    """What one round of upkeep did."""

    folded: int = 0
    """Changes that the summaries have now."""
    words: int = 0
    """Pages of new words that were sorted into the index."""
    interactions: int = 0
    """Interactions deleted."""
    requests: int = 0
    """API requests deleted."""
    checks: int = 0
    """Health checks deleted."""
    events: int = 0
    """Events of messages deleted."""


async def round_of(db: Database, retention: Retention | None = None) -> Kept:
    """Everything once. Each step is a transaction of its own, so that nobody waits for all.

    Several at a time do no harm. It needs the rights to delete and to fold; only the last step, to
    sort words, those of the table's owner.
    """
    keep = retention or Retention()
    now = datetime.now(UTC)
    forgotten = {
        "interactions": await _forget(now, keep.interactions, db.upkeep.forget_interactions),
        "requests": await _forget(now, keep.requests, _requests(db)),
        "checks": await _forget(now, keep.checks, db.upkeep.forget_checks),
        "events": await forget_events(db, keep.events),
    }
    folded = await fold(db)
    if keep.interactions is not None:
        # What a running transaction deleted later isn't folded yet; its summaries stay until then.
        await db.upkeep.forget_summaries(until=now - keep.interactions)
    words = sum(await db.upkeep.sort_words())
    return Kept(folded=folded, words=words, **forgotten)


async def fold(db: Database) -> int:
    """Bring the summaries up to the last commit; returns how many changes were added."""
    folded = 0
    while (some := await db.upkeep.fold(at_most=FOLD)) > 0:
        folded += some
        if some < FOLD:
            break
    return folded


async def forget_events(db: Database, age: timedelta) -> int:
    """Delete events of messages older than this; returns how many."""
    return await _forget(datetime.now(UTC), age, db.upkeep.forget_events)


async def recount(db: Database) -> int:
    """Count all interactions anew, where triggers were off; returns how many figures were wrong.

    It reads the whole table, and holds up nobody.
    """
    corrected = await db.upkeep.recount()
    await fold(db)
    return corrected


async def keep_up(
    db: Database,
    every: timedelta,
    retention: Retention | None = None,
    report: Callable[[Kept], None] = lambda _: None,
    failed: Callable[[Exception], None] | None = None,
) -> None:
    """A round of upkeep, and the next one `every` later, until cancelled.

    What goes wrong ends it, unless there is `failed`, which is told; then the next round comes.
    """
    while True:
        try:
            report(await round_of(db, retention))
        except Exception as error:
            if failed is None:
                raise
            failed(error)
        await asyncio.sleep(every.total_seconds())


async def _forget(
    now: datetime, age: timedelta | None, delete: Callable[..., Awaitable[int]]
) -> int:
    forgotten = 0
    while age is not None:
        some = await delete(until=now - age, at_most=BATCH)
        forgotten += some
        if some < BATCH:
            break
    return forgotten


def _requests(db: Database) -> Callable[..., Awaitable[int]]:
    async def forget(*, until: datetime, at_most: int) -> int:
        # Ids of version 7 begin with their time, and nothing else of the table is in that order.
        milliseconds = int(until.timestamp() * 1000)
        first = uuid.UUID(int=milliseconds << 80)
        return await db.upkeep.forget_requests(first_id=first, at_most=at_most)

    return forget
