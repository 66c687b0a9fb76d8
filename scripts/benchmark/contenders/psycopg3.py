"""psycopg 3 with its C module, its pool and `class_row`; connections in autocommit."""

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from benchmark import statements as sql
from benchmark.contender import CHUNK, CONNECTIONS, Contender, notice
from benchmark.contenders.asyncpg_written import with_provider
from benchmark.models import NEW, Interaction, Slim
from benchmark.statements import renamed

_GET = renamed(sql.GET, "%({})s", "id")
_PAGE = renamed(sql.PAGE, "%({})s", "model")
_SLIM_1000 = renamed(sql.SLIM_1000, "%({})s", "since")
_FULL_1000 = renamed(sql.FULL_1000, "%({})s", "since")
_INSERT = renamed(sql.INSERT, "%({})s", *NEW)
_INSERT_ONLY = renamed(sql.INSERT_ONLY, "%({})s", *NEW)
_UPDATE = renamed(sql.UPDATE, "%({})s", "id", "ms", "tokens")
_WITH_PROVIDER = renamed(sql.WITH_PROVIDER, "%({})s", "model")
_INSERT_PROVIDER = renamed(sql.INSERT_PROVIDER, "%({})s", "name", "type", "base_url", "settings")
_COUNT = renamed(sql.COUNT, "%({})s", "model")
_COUNTED_PAGE = renamed(sql.COUNTED_PAGE, "%({})s", "model")
_STREAM = renamed(sql.STREAM, "%({})s", "since", "count")


def new(row):
    return {**row, "request": Jsonb(row["request"]), "response": Jsonb(row["response"])}


class Bench(Contender):
    async def open(self):
        self.pool = AsyncConnectionPool(
            self.url,
            min_size=CONNECTIONS,
            max_size=CONNECTIONS,
            kwargs={"autocommit": True},
            open=False,
        )
        await self.pool.open(wait=True)

    async def close(self):
        await self.pool.close()

    async def rows(self, row_class, text, args):
        async with (
            self.pool.connection() as connection,
            connection.cursor(row_factory=class_row(row_class)) as cursor,
        ):
            await cursor.execute(text, args)
            return await cursor.fetchall()

    async def row(self, text, args):
        async with (
            self.pool.connection() as connection,
            connection.cursor(row_factory=class_row(Interaction)) as cursor,
        ):
            await cursor.execute(text, args)
            return await cursor.fetchone()

    async def get(self, id):
        return await self.row(_GET, {"id": id})

    async def page(self, model):
        return await self.rows(Interaction, _PAGE, {"model": model})

    async def slim(self, since):
        return await self.rows(Slim, _SLIM_1000, {"since": since})

    async def full(self, since):
        return await self.rows(Interaction, _FULL_1000, {"since": since})

    async def insert(self, row):
        return await self.row(_INSERT, new(row))

    async def insert_many(self, rows):
        async with (
            self.pool.connection() as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            await cursor.executemany(_INSERT_ONLY, [new(row) for row in rows])

    async def update(self, id, response_time_ms, completion_tokens):
        return await self.row(
            _UPDATE, {"id": id, "ms": response_time_ms, "tokens": completion_tokens}
        )

    async def with_provider(self, model):
        async with (
            self.pool.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(_WITH_PROVIDER, {"model": model})
            return [with_provider(row) for row in await cursor.fetchall()]

    async def transaction(self, name, row):
        async with self.pool.connection() as connection, connection.transaction():
            cursor = await connection.execute(
                _INSERT_PROVIDER,
                {
                    "name": name,
                    "type": "openai",
                    "base_url": "https://api.example.com/v1",
                    "settings": Jsonb({"retries": 2}),
                },
            )
            (id,) = await cursor.fetchone()
            await connection.execute(_INSERT_ONLY, {**new(row), "provider_id": id})

    async def counted_page(self, model):
        async with self.pool.connection() as connection:
            cursor = await connection.execute(_COUNT, {"model": model})
            (count,) = await cursor.fetchone()
            async with connection.cursor(row_factory=class_row(Interaction)) as rows:
                await rows.execute(_COUNTED_PAGE, {"model": model})
                return count, await rows.fetchall()

    async def stream(self, since, count):
        seen, last = 0, None
        async with (
            self.pool.connection() as connection,
            connection.transaction(),
            connection.cursor("streamed", row_factory=class_row(Slim)) as cursor,
        ):
            cursor.itersize = CHUNK
            await cursor.execute(_STREAM, {"since": since, "count": count})
            async for last in cursor:
                seen += 1
        return seen, last

    async def hooked(self, hooks, id, response_time_ms, completion_tokens):
        if not hooks:
            return await self.update(id, response_time_ms, completion_tokens)
        async with (
            self.pool.connection() as connection,
            connection.transaction(),
            connection.cursor(row_factory=class_row(Interaction)) as cursor,
        ):
            await cursor.execute(
                _UPDATE, {"id": id, "ms": response_time_ms, "tokens": completion_tokens}
            )
            found = await cursor.fetchone()
            for _ in range(hooks):
                await notice(found)
        return found

    async def unit(self, updates):
        async with (
            self.pool.connection() as connection,
            connection.transaction(),
            connection.cursor(row_factory=class_row(Interaction)) as cursor,
        ):
            for id, ms, tokens in updates:
                await cursor.execute(_UPDATE, {"id": id, "ms": ms, "tokens": tokens})
                await cursor.fetchone()
