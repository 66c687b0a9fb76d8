"""What a pool counts, and what it looks like now."""

from msgspec import Struct


class PoolStats(Struct, frozen=True, kw_only=True, gc=False):
    """The state of a pool, and what has happened since it was made."""

    max: int
    """At most so many connections are open at once."""
    open: int
    """So many are open now: those in use and those that idle."""
    in_use: int
    """So many are lent, or are being reset, checked or closed."""
    idle: int
    """So many are free."""
    opening: int
    """So many are being opened."""
    waiting: int
    """So many callers wait for a connection."""
    acquired: int | None
    """How often a connection was lent; None where nothing is measured."""
    waited: int
    """How often a caller had to wait for one."""
    timeouts: int
    """How often one waited in vain: `PoolTimeout`."""
    deadlocks: int
    """How often a wait that could never end was refused: `PoolDeadlock`."""
    opened: int
    """Connections opened."""
    failed: int
    """Attempts to open one that failed."""
    closed: int
    """Connections closed, for whatever reason."""
    broken: int
    """Those of them that broke, or were ended at a deadline."""
    reset: int
    """Sessions that were reset between two borrowers."""
    cancelled: int
    """Connections whose call was cancelled, and that were put in order."""
    leaked: int
    """Connections held for longer than `pool_leak`, or by units of work that nobody ended."""


class Counts:
    """The counters of a pool."""

    __slots__ = (
        "broken",
        "cancelled",
        "closed",
        "deadlocks",
        "failed",
        "leaked",
        "opened",
        "reset",
        "timeouts",
        "waited",
    )

    def __init__(self) -> None:
        self.waited = 0
        self.timeouts = 0
        self.deadlocks = 0
        self.opened = 0
        self.failed = 0
        self.closed = 0
        self.broken = 0
        self.reset = 0
        self.cancelled = 0
        self.leaked = 0
