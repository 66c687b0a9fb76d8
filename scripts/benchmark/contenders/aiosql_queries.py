"""aiosql: queries by name over asyncpg's pool; json and structs as in `asyncpg_written`."""

import aiosql
import asyncpg

from benchmark import statements as sql
from benchmark.contender import CONNECTIONS, Contender
from benchmark.contenders.asyncpg_written import use_json, with_provider
from benchmark.models import NEW, NEW_PROVIDER, Interaction, Slim
from benchmark.statements import renamed

_UPDATE = ("id", "ms", "tokens")
_QUERIES = (
    ("get(id)^", sql.GET, ("id",)),
    ("page(model)", sql.PAGE, ("model",)),
    ("slim(since)", sql.SLIM_1000, ("since",)),
    ("full(since)", sql.FULL_1000, ("since",)),
    (f"insert_one({', '.join(NEW)})^", sql.INSERT, NEW),
    (f"insert_many({', '.join(NEW)})*!", sql.INSERT_ONLY, NEW),
    (f"insert_only({', '.join(NEW)})!", sql.INSERT_ONLY, NEW),
    ("set_times(id, ms, tokens)^", sql.UPDATE, _UPDATE),
    ("with_provider(model)", sql.WITH_PROVIDER, ("model",)),
    ("insert_provider(name, type, base_url, settings)<!", sql.INSERT_PROVIDER,
     ("name", *NEW_PROVIDER)),
    ("count_model(model)$", sql.COUNT, ("model",)),
    ("newest(model)", sql.COUNTED_PAGE, ("model",)),
)  # fmt: skip
TEXT = "\n".join(
    f"-- name: {name}\n{renamed(text, ':{}', *names)};" for name, text, names in _QUERIES
)


class Bench(Contender):
    async def open(self):
        self.pool = await asyncpg.create_pool(
            self.url, min_size=CONNECTIONS, max_size=CONNECTIONS, init=use_json
        )
        self.queries = aiosql.from_str(TEXT, "asyncpg")

    async def close(self):
        await self.pool.close()

    async def get(self, id):
        row = await self.queries.get(self.pool, id=id)
        return Interaction(**row) if row else None

    async def page(self, model):
        return [Interaction(**row) async for row in self.queries.page(self.pool, model=model)]

    async def slim(self, since):
        return [Slim(**row) async for row in self.queries.slim(self.pool, since=since)]

    async def full(self, since):
        return [Interaction(**row) async for row in self.queries.full(self.pool, since=since)]

    async def insert(self, row):
        return Interaction(**await self.queries.insert_one(self.pool, **row))

    async def insert_many(self, rows):
        await self.queries.insert_many(self.pool, rows)

    async def update(self, id, response_time_ms, completion_tokens):
        row = await self.queries.set_times(
            self.pool, id=id, ms=response_time_ms, tokens=completion_tokens
        )
        return Interaction(**row) if row else None

    async def with_provider(self, model):
        rows = self.queries.with_provider(self.pool, model=model)
        return [with_provider(row) async for row in rows]

    async def transaction(self, name, row):
        async with self.pool.acquire() as connection, connection.transaction():
            id = await self.queries.insert_provider(connection, name=name, **NEW_PROVIDER)
            await self.queries.insert_only(connection, **{**row, "provider_id": id})

    async def counted_page(self, model):
        count = await self.queries.count_model(self.pool, model=model)
        rows = self.queries.newest(self.pool, model=model)
        return count, [Interaction(**row) async for row in rows]

    async def unit(self, updates):
        async with self.pool.acquire() as connection, connection.transaction():
            for id, ms, tokens in updates:
                row = await self.queries.set_times(connection, id=id, ms=ms, tokens=tokens)
                Interaction(**row)
