"""Transactions for services that take a database as well as a unit of work."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from salacia import Database, Queries, UnitOfWork
from salacia_db.runtime import UsageError

_SNAPSHOTS = ("repeatable read", "serializable")


def atomic(queries: Queries) -> UnitOfWork:
    """All or nothing: a unit of work of its own on a database, a nested one in a unit of work."""
    if not isinstance(queries, Database | UnitOfWork):
        raise UsageError(f"a service takes a database or a unit of work, no {type(queries)}")
    return queries.unit_of_work()


@asynccontextmanager
async def apart(queries: Queries) -> AsyncGenerator[Queries]:
    """Where one statement that fails spoils nothing else; on a database it stands by itself."""
    if isinstance(queries, Database):
        yield queries
    else:
        async with atomic(queries) as unit:
            yield unit


@asynccontextmanager
async def snapshot(queries: Queries) -> AsyncGenerator[Queries]:
    """Queries that all see the database as it is at one moment.

    Raises `UsageError` for a unit of work that sees each statement's own moment.
    """
    if isinstance(queries, Database):
        async with queries.unit_of_work(isolation="repeatable read", read_only=True) as unit:
            yield unit
        return
    unit = atomic(queries)
    async with unit:
        if await unit.fetchval("show transaction_isolation") not in _SNAPSHOTS:
            raise UsageError(
                "these figures have to be of one moment: give the database, or a unit of work "
                "with isolation='repeatable read'"
            )
        yield unit
