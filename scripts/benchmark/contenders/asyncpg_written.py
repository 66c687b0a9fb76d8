"""asyncpg as people write it: the pool's own methods, json for jsonb, `Struct(**row)`."""

import json
from typing import Any

import asyncpg

from benchmark import statements as sql
from benchmark.contender import CONNECTIONS, Contender, New, notice
from benchmark.models import INTERACTION, NEW, NEW_PROVIDER, PROVIDER, Interaction, Provider, Slim


async def use_json(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads
    )


def values(row: New) -> list[Any]:
    return [row[name] for name in NEW]


def with_provider(row: Any) -> Interaction:
    """An interaction and its provider of one row of names."""
    provider = None
    if row["p_id"] is not None:
        provider = Provider(**{name: row["p_" + name] for name in PROVIDER})
    return Interaction(**{name: row[name] for name in INTERACTION}, provider=provider)


class Bench(Contender):
    async def open(self):
        self.pool = await asyncpg.create_pool(
            self.url, min_size=CONNECTIONS, max_size=CONNECTIONS, init=use_json
        )

    async def close(self):
        await self.pool.close()

    async def get(self, id):
        row = await self.pool.fetchrow(sql.GET, id)
        return Interaction(**row) if row else None

    async def page(self, model):
        return [Interaction(**row) for row in await self.pool.fetch(sql.PAGE, model)]

    async def slim(self, since):
        return [Slim(**row) for row in await self.pool.fetch(sql.SLIM_1000, since)]

    async def full(self, since):
        return [Interaction(**row) for row in await self.pool.fetch(sql.FULL_1000, since)]

    async def insert(self, row):
        return Interaction(**await self.pool.fetchrow(sql.INSERT, *values(row)))

    async def insert_many(self, rows):
        await self.pool.executemany(sql.INSERT_ONLY, [values(row) for row in rows])

    async def update(self, id, response_time_ms, completion_tokens):
        row = await self.pool.fetchrow(sql.UPDATE, id, response_time_ms, completion_tokens)
        return Interaction(**row) if row else None

    async def with_provider(self, model):
        return [with_provider(row) for row in await self.pool.fetch(sql.WITH_PROVIDER, model)]

    async def transaction(self, name, row):
        async with self.pool.acquire() as connection, connection.transaction():
            id = await connection.fetchval(sql.INSERT_PROVIDER, name, *NEW_PROVIDER.values())
            await connection.execute(sql.INSERT_ONLY, id, *values(row)[1:])

    async def counted_page(self, model):
        count = await self.pool.fetchval(sql.COUNT, model)
        rows = await self.pool.fetch(sql.COUNTED_PAGE, model)
        return count, [Interaction(**row) for row in rows]

    async def stream(self, since, count):
        seen, last = 0, None
        async with self.pool.acquire() as connection, connection.transaction():
            async for row in connection.cursor(sql.STREAM, since, count):
                seen, last = seen + 1, Slim(**row)
        return seen, last

    get_shared = get
    insert_shared = insert

    async def hooked(self, hooks, id, response_time_ms, completion_tokens):
        if not hooks:
            return await self.update(id, response_time_ms, completion_tokens)
        async with self.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(sql.UPDATE, id, response_time_ms, completion_tokens)
            found = Interaction(**row)
            for _ in range(hooks):
                await notice(found)
        return found

    async def unit(self, updates):
        async with self.pool.acquire() as connection, connection.transaction():
            for update in updates:
                Interaction(**await connection.fetchrow(sql.UPDATE, *update))
