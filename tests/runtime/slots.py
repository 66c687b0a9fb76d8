"""All connections of a pool at once."""

import asyncio

from items import Database


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
