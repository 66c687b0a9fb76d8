"""The ledger: what callers were told of their transactions, beside what the database holds."""

from collections import Counter
from itertools import count
from typing import Literal

import asyncpg
from msgspec import Struct

from salacia_db.runtime import CommitOutcomeUnknown

Told = Literal["open", "committed", "failed", "unknown", "cancelled", "hung"]

PARTS = 2
SCHEMA = """
create table ledger (
  id bigint not null, part int not null, note text check (note <> 'bad'), primary key (id, part)
);
"""


class Entry(Struct):
    """One attempt: a transaction that writes all parts of this id, which the client has made.

    `told` is what its caller learned at once, `error` the exception, `resolved` what
    `CommitOutcomeUnknown.resolve()` said later. `hooked` counts runs of its after-commit hook.
    `seconds` it took, where `deadline` were allowed and the event loop itself was `lag` late.
    `hooks` is False where there was nothing to hang a hook on: a statement without a unit of work.
    """

    id: int
    deadline: float
    hooks: bool = True
    told: Told = "open"
    error: BaseException | None = None
    resolved: str | None = None
    hooked: int = 0
    seconds: float = 0.0
    lag: float = 0.0

    def hook(self) -> None:
        """The after-commit hook."""
        self.hooked += 1

    @property
    def late(self) -> float:
        """By how much the caller returned after its deadline; below 0 if before."""
        return self.seconds - self.deadline - self.lag


class Ledger:
    """All entries of a run, and the comparison with the table."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._ids = count(1)

    def open(self, deadline: float, *, hooks: bool = True) -> Entry:
        """A new entry, with an id that nobody has."""
        entry = Entry(next(self._ids), deadline, hooks)
        self.entries.append(entry)
        return entry

    @property
    def told(self) -> Counter[str]:
        """How many callers were told what."""
        return Counter(entry.told for entry in self.entries)

    async def resolve(self, database: object) -> None:
        """Asks later what became of each outcome that was unknown."""
        for entry in self.entries:
            if isinstance(entry.error, CommitOutcomeUnknown):
                entry.resolved = await entry.error.resolve(database, timeout=5.0)  # type: ignore[arg-type]

    async def compare(self, bystander: asyncpg.Connection) -> Counter[str]:
        """Violations of A, B, C and K."""
        rows = await bystander.fetch("select id, count(*) from ledger group by id")
        parts = dict(rows)
        found: Counter[str] = Counter()
        for entry in self.entries:
            found.update(violations(entry, parts.get(entry.id, 0)))
        strangers = parts.keys() - {entry.id for entry in self.entries}
        found["B"] += len(strangers)
        return found


def violations(entry: Entry, parts: int) -> list[str]:
    """Which of A, B, C and K an entry breaks, if the database holds so many of its parts.

    - A: acknowledged, and not there, or not all of it. That something is half there counts, too.
    - B: reported committed by whatever channel (return, hook, `resolve()`), and not there.
    - C: there, though the caller was told of a failure; or not knowing, and no way to know.
    - K: the hook ran without a certain commit, or twice, or not after one.
    """
    whole = parts == PARTS
    hooked = entry.hooked > 0
    found = []
    if (entry.told == "committed" and not whole) or (parts and not whole):
        found.append("A")
    if parts == 0 and (entry.told == "committed" or hooked or entry.resolved == "committed"):
        found.append("B")
    if parts and (
        entry.told == "failed"
        or entry.resolved == "aborted"
        # A cancelled caller learns the outcome from its hook, and in no other way.
        or (entry.told == "cancelled" and entry.hooks and not hooked)
    ):
        found.append("C")
    if entry.hooks and (
        entry.hooked > 1
        or (hooked and (not whole or entry.told in ("failed", "unknown")))
        or (not hooked and whole and entry.told == "committed")
    ):
        found.append("K")
    return found
