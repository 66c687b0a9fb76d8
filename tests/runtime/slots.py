# ruff: noqa: ASYNC110 - the server is waited for
"""All connections of a pool at once, and none of them."""

import asyncio

import asyncpg
from items import Database

_LEFT = (
    "select count(*) from pg_stat_activity where application_name = $1 "
    "and datname = current_database() and pid <> all($2::int[])"
)


async def all_slots(db: Database) -> set[int]:
    """Holds all connections at one moment; their sessions."""
    met = asyncio.Barrier(db.pool.settings.max)

    async def hold() -> int:
        async with db.unit_of_work() as uow:
            pid: int = await uow.fetchval("select pg_backend_pid()")
            await met.wait()
            return pid

    async with asyncio.timeout(5):
        return set(await asyncio.gather(*(hold() for _ in range(db.pool.settings.max))))


async def settled(db: Database, bystander: asyncpg.Connection) -> None:
    """Waits until no connection is in use, and the sessions are gone that the pool has given up.

    What was cancelled on the ones, or sent on the others, may yet be carried out.
    """
    async with asyncio.timeout(20):
        while db.stats().pool.in_use or await bystander.fetchval(
            _LEFT,
            db.settings.application_name,
            [connection.raw.get_server_pid() for connection in db.pool.connections],
        ):
            await asyncio.sleep(0.01)
