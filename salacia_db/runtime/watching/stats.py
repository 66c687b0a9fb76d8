"""What `db.stats()` tells."""

from msgspec import Struct

from salacia_db.runtime.connections.counts import PoolStats


class StatementStats(Struct, frozen=True, kw_only=True, gc=False):
    """What became of the calls of one statement. Times are seconds, hooks' own included."""

    calls: int
    """How often it was called."""
    errors: int
    """How many of them raised."""
    total: float
    """How long they took together."""
    longest: float
    """How long the slowest took."""


class Stats(Struct, frozen=True, kw_only=True):
    """A database's figures since it was made, and its state now."""

    pool: PoolStats
    retries: int
    """How often `db.run` has run a unit of work again."""
    statements: dict[str, StatementStats]
    """By the name of the query; empty where nothing is measured."""
