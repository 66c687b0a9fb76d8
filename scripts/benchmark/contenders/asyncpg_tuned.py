"""asyncpg tuned by hand, with every overhead taken out that can be.

Connections are kept for good and lent last in first out without a reset, statements are prepared
once on each, jsonb goes through msgspec in its binary form, structs are built by position, many
rows go by COPY.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec

from benchmark import statements as sql
from benchmark.contender import CHUNK, CONNECTIONS, Contender, notice
from benchmark.contenders.asyncpg_written import values
from benchmark.models import INTERACTION, NEW, NEW_PROVIDER, Interaction, Provider, Slim

_COLUMNS = len(INTERACTION)


class Held:
    """A connection and its prepared statements."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self.statements: dict[str, Any] = {}

    async def prepared(self, text: str) -> Any:
        found = self.statements.get(text)
        if found is None:
            found = self.statements[text] = await self.connection.prepare(text)
        return found


class Lease:
    """`async with Lease(free) as held`; a class, as it is cheaper than a generator."""

    __slots__ = ("free", "held")

    def __init__(self, free: "asyncio.LifoQueue[Held]") -> None:
        self.free = free

    async def __aenter__(self) -> Held:
        self.held = await self.free.get()
        return self.held

    async def __aexit__(self, *_: object) -> None:
        self.free.put_nowait(self.held)


class Bench(Contender):
    async def open(self):
        to_json = msgspec.json.Encoder().encode
        from_json = msgspec.json.Decoder().decode
        self.free: asyncio.LifoQueue[Held] = asyncio.LifoQueue()
        self.all = []
        for _ in range(CONNECTIONS):
            connection = await asyncpg.connect(self.url)
            await connection.set_type_codec(
                "jsonb",
                schema="pg_catalog",
                format="binary",
                encoder=lambda value: b"\x01" + to_json(value),
                decoder=lambda data: from_json(data[1:]),
            )
            self.all.append(connection)
            self.free.put_nowait(Held(connection))

    async def close(self):
        for connection in self.all:
            await connection.close()

    async def rows(self, text, *args):
        async with Lease(self.free) as held:
            return await (await held.prepared(text)).fetch(*args)

    async def row(self, text, *args):
        async with Lease(self.free) as held:
            return await (await held.prepared(text)).fetchrow(*args)

    @asynccontextmanager
    async def begun(self) -> AsyncIterator[Held]:
        async with Lease(self.free) as held, held.connection.transaction():
            yield held

    async def get(self, id):
        row = await self.row(sql.GET, id)
        return Interaction(*row) if row else None

    async def page(self, model):
        return [Interaction(*row) for row in await self.rows(sql.PAGE, model)]

    async def slim(self, since):
        return [Slim(*row) for row in await self.rows(sql.SLIM_1000, since)]

    async def full(self, since):
        return [Interaction(*row) for row in await self.rows(sql.FULL_1000, since)]

    async def insert(self, row):
        return Interaction(*await self.row(sql.INSERT, *values(row)))

    async def insert_many(self, rows):
        async with Lease(self.free) as held:
            await held.connection.copy_records_to_table(
                "ai_interactions", columns=NEW, records=map(values, rows)
            )

    async def update(self, id, response_time_ms, completion_tokens):
        row = await self.row(sql.UPDATE, id, response_time_ms, completion_tokens)
        return Interaction(*row) if row else None

    async def with_provider(self, model):
        providers: dict[Any, Provider | None] = {None: None}
        found = []
        for row in await self.rows(sql.WITH_PROVIDER, model):
            columns = tuple(row)
            key = columns[_COLUMNS]
            if key not in providers:
                providers[key] = Provider(*columns[_COLUMNS:])
            found.append(Interaction(*columns[:_COLUMNS], providers[key]))
        return found

    async def transaction(self, name, row):
        async with self.begun() as held:
            provider = await held.prepared(sql.INSERT_PROVIDER)
            id = await provider.fetchval(name, *NEW_PROVIDER.values())
            await (await held.prepared(sql.INSERT_ONLY)).fetch(id, *values(row)[1:])

    async def counted_page(self, model):
        async with Lease(self.free) as held:
            count = await (await held.prepared(sql.COUNT)).fetchval(model)
            rows = await (await held.prepared(sql.COUNTED_PAGE)).fetch(model)
        return count, [Interaction(*row) for row in rows]

    async def stream(self, since, count):
        seen, last = 0, None
        async with self.begun() as held:
            cursor = await (await held.prepared(sql.STREAM)).cursor(since, count)
            while chunk := await cursor.fetch(CHUNK):
                for last in [Slim(*row) for row in chunk]:
                    seen += 1
        return seen, last

    get_shared = get
    insert_shared = insert

    async def hooked(self, hooks, id, response_time_ms, completion_tokens):
        if not hooks:
            return await self.update(id, response_time_ms, completion_tokens)
        async with self.begun() as held:
            update = await held.prepared(sql.UPDATE)
            found = Interaction(*await update.fetchrow(id, response_time_ms, completion_tokens))
            for _ in range(hooks):
                await notice(found)
        return found

    async def unit(self, updates):
        async with self.begun() as held:
            statement = await held.prepared(sql.UPDATE)
            for update in updates:
                Interaction(*await statement.fetchrow(*update))
