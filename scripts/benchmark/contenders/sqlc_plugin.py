"""What sqlc's Python plugin (sqlc-gen-better-python, asyncpg, msgspec models) writes.

Written by hand after its output, as the plugin's program isn't part of this environment: module
constants with the SQL, functions that take a connection and build the models by keyword from the
row's positions, a class for :many that is awaited or iterated, COPY for :copyfrom. It leaves jsonb
to the connection's codec, which is set here to `json`. What calls it is what people write: the
pool lends a connection for each operation.
"""

import json
from collections.abc import Sequence

import asyncpg

from benchmark import statements as sql
from benchmark.contender import CHUNK, CONNECTIONS, Contender, notice
from benchmark.contenders.asyncpg_written import values
from benchmark.models import NEW, NEW_PROVIDER, Interaction, Provider, Slim

INSERT_AND_RETURN = sql.INSERT


def interaction(row):
    return Interaction(
        id=row[0],
        provider_id=row[1],
        model=row[2],
        request=row[3],
        response=row[4],
        prompt_tokens=row[5],
        completion_tokens=row[6],
        total_tokens=row[7],
        response_time_ms=row[8],
        status_code=row[9],
        error=row[10],
        created_at=row[11],
    )


def slim_row(row):
    return Slim(
        id=row[0],
        provider_id=row[1],
        model=row[2],
        prompt_tokens=row[3],
        completion_tokens=row[4],
        total_tokens=row[5],
        response_time_ms=row[6],
        status_code=row[7],
        error=row[8],
        created_at=row[9],
    )


def embedded_row(row):
    found = interaction(row)
    found.provider = Provider(
        id=row[12],
        name=row[13],
        type=row[14],
        api_key=row[15],
        base_url=row[16],
        models=row[17],
        settings=row[18],
        is_active=row[19],
        is_default=row[20],
        created_at=row[21],
        updated_at=row[22],
    )
    return found


class QueryResults:
    """A :many: `await` gives a list, `async for` one row after the other."""

    __slots__ = ("_args", "_connection", "_cursor", "_decode", "_iterator", "_sql")

    def __init__(self, connection, text, decode, *args):
        self._connection = connection
        self._sql = text
        self._decode = decode
        self._args = args
        self._cursor = None
        self._iterator = None

    def __aiter__(self):
        return self

    def __await__(self):
        async def collected():
            rows = await self._connection.fetch(self._sql, *self._args)
            return [self._decode(row) for row in rows]

        return collected().__await__()

    async def __anext__(self):
        if self._cursor is None or self._iterator is None:
            self._cursor = self._connection.cursor(self._sql, *self._args, prefetch=CHUNK)
            self._iterator = self._cursor.__aiter__()
        try:
            row = await self._iterator.__anext__()
        except StopAsyncIteration:
            self._cursor = None
            self._iterator = None
            raise
        return self._decode(row)


async def get_interaction(connection, *, id_):
    row = await connection.fetchrow(sql.GET, id_)
    return None if row is None else interaction(row)


async def insert_interaction(connection, params: Sequence[object]):
    row = await connection.fetchrow(INSERT_AND_RETURN, *params)
    return None if row is None else interaction(row)


async def set_times(connection, *, id_, response_time_ms, completion_tokens):
    row = await connection.fetchrow(sql.UPDATE, id_, response_time_ms, completion_tokens)
    return None if row is None else interaction(row)


async def insert_interactions(connection, params):
    status = await connection.copy_records_to_table(
        "ai_interactions", columns=list(NEW), records=params
    )
    return int(status.split()[-1])


async def use_binary_json(connection) -> None:
    # COPY takes no text codec.
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + json.dumps(value).encode(),
        decoder=lambda data: json.loads(data[1:]),
    )


class Bench(Contender):
    async def open(self):
        self.pool = await asyncpg.create_pool(
            self.url, min_size=CONNECTIONS, max_size=CONNECTIONS, init=use_binary_json
        )

    async def close(self):
        await self.pool.close()

    async def get(self, id):
        async with self.pool.acquire() as connection:
            return await get_interaction(connection, id_=id)

    async def page(self, model):
        async with self.pool.acquire() as connection:
            return await QueryResults(connection, sql.PAGE, interaction, model)

    async def slim(self, since):
        async with self.pool.acquire() as connection:
            return await QueryResults(connection, sql.SLIM_1000, slim_row, since)

    async def full(self, since):
        async with self.pool.acquire() as connection:
            return await QueryResults(connection, sql.FULL_1000, interaction, since)

    async def insert(self, row):
        async with self.pool.acquire() as connection:
            return await insert_interaction(connection, values(row))

    async def insert_many(self, rows):
        async with self.pool.acquire() as connection:
            await insert_interactions(connection, [values(row) for row in rows])

    async def update(self, id, response_time_ms, completion_tokens):
        async with self.pool.acquire() as connection:
            return await set_times(
                connection,
                id_=id,
                response_time_ms=response_time_ms,
                completion_tokens=completion_tokens,
            )

    async def with_provider(self, model):
        async with self.pool.acquire() as connection:
            return await QueryResults(connection, sql.WITH_PROVIDER, embedded_row, model)

    async def transaction(self, name, row):
        async with self.pool.acquire() as connection, connection.transaction():
            inserted = await connection.fetchrow(sql.INSERT_PROVIDER, name, *NEW_PROVIDER.values())
            await connection.execute(sql.INSERT_ONLY, inserted[0], *values(row)[1:])

    async def counted_page(self, model):
        async with self.pool.acquire() as connection:
            row = await connection.fetchrow(sql.COUNT, model)
            return row[0], await QueryResults(connection, sql.COUNTED_PAGE, interaction, model)

    async def stream(self, since, count):
        seen, last = 0, None
        async with self.pool.acquire() as connection, connection.transaction():
            async for last in QueryResults(connection, sql.STREAM, slim_row, since, count):
                seen += 1
        return seen, last

    async def hooked(self, hooks, id, response_time_ms, completion_tokens):
        if not hooks:
            return await self.update(id, response_time_ms, completion_tokens)
        async with self.pool.acquire() as connection, connection.transaction():
            found = await set_times(
                connection,
                id_=id,
                response_time_ms=response_time_ms,
                completion_tokens=completion_tokens,
            )
            for _ in range(hooks):
                await notice(found)
        return found

    async def unit(self, updates):
        async with self.pool.acquire() as connection, connection.transaction():
            for id, response_time_ms, completion_tokens in updates:
                await set_times(
                    connection,
                    id_=id,
                    response_time_ms=response_time_ms,
                    completion_tokens=completion_tokens,
                )
