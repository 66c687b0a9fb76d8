"""Piccolo on asyncpg."""

import sys

from piccolo.columns import JSONB, UUID, Boolean, ForeignKey, Integer, Text, Timestamptz, Varchar
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.columns.defaults.uuid import UUID4
from piccolo.engine.postgres import PostgresEngine
from piccolo.table import Table
from piccolo.utils.encoding import load_json

from benchmark.contender import CHUNK, CONNECTIONS, Contender
from benchmark.models import NEW_PROVIDER, SLIM, Slim

# Tables are bound to an engine when they are defined, and that connects at once: where the worker
# was told to.
engine = PostgresEngine(config={"dsn": sys.argv[2]})


class Provider(Table, tablename="ai_providers", db=engine):
    id = UUID(primary_key=True, default=UUID4())
    name = Varchar(100, unique=True)
    type = Varchar(50)
    api_key = Text(null=True, default=None)
    base_url = Varchar(500, null=True, default=None)
    models = JSONB(null=True, default=None)
    settings = JSONB(null=True, default=None)
    is_active = Boolean(default=True)
    is_default = Boolean(default=False)
    created_at = Timestamptz(default=TimestamptzNow())
    updated_at = Timestamptz(default=TimestamptzNow())


class Interaction(Table, tablename="ai_interactions", db=engine):
    id = UUID(primary_key=True, default=UUID4())
    provider = ForeignKey(Provider, null=True, db_column_name="provider_id")
    model = Varchar(100)
    request = JSONB()
    response = JSONB(null=True, default=None)
    prompt_tokens = Integer(null=True, default=None)
    completion_tokens = Integer(null=True, default=None)
    total_tokens = Integer(null=True, default=None)
    response_time_ms = Integer(null=True, default=None)
    status_code = Integer(null=True, default=None)
    error = Text(null=True, default=None)
    created_at = Timestamptz(default=TimestamptzNow())

    @property
    def provider_id(self):
        return self.provider.id if isinstance(self.provider, Provider) else self.provider


_SLIM = [
    Interaction.provider.as_alias(name) if name == "provider_id" else getattr(Interaction, name)
    for name in SLIM
]


def new(row):
    return Interaction(
        **{("provider" if key == "provider_id" else key): value for key, value in row.items()}
    )


def _newest(query, model):
    return (
        query.where(Interaction.model == model)
        .order_by(Interaction.created_at, ascending=False)
        .limit(20)
        .output(load_json=True)
    )


def _since(query, since, limit):
    return (
        query.where(Interaction.created_at >= since)
        .order_by(Interaction.created_at, Interaction.id)
        .limit(limit)
    )


class Bench(Contender):
    async def open(self):
        await engine.start_connection_pool(min_size=CONNECTIONS, max_size=CONNECTIONS)

    async def close(self):
        await engine.close_connection_pool()

    async def get(self, id):
        query = Interaction.objects().where(Interaction.id == id).first()
        return await query.output(load_json=True)

    async def page(self, model):
        query = Interaction.objects().where(Interaction.error.is_null())
        return await _newest(query, model)

    async def slim(self, since):
        # `objects` always loads every column; `select` gives dicts.
        rows = await _since(Interaction.select(*_SLIM), since, 1000)
        return [Slim(**row) for row in rows]

    async def full(self, since):
        return await _since(Interaction.objects(), since, 1000).output(load_json=True)

    async def insert(self, row):
        found = new(row)
        await found.save()
        return found

    async def insert_many(self, rows):
        await Interaction.insert(*[new(row) for row in rows])

    async def update(self, id, response_time_ms, completion_tokens):
        rows = await (
            Interaction.update(
                {
                    Interaction.response_time_ms: response_time_ms,
                    Interaction.completion_tokens: completion_tokens,
                }
            )
            .where(Interaction.id == id)
            .returning(*Interaction.all_columns())
        )
        # These are dicts, whose jsonb is still text.
        for row in rows:
            row["request"] = load_json(row["request"])
            row["response"] = load_json(row["response"])
        return new(rows[0]) if rows else None

    async def with_provider(self, model):
        return await _newest(Interaction.objects(Interaction.provider), model)

    async def transaction(self, name, row):
        async with engine.transaction():
            provider = Provider(name=name, **NEW_PROVIDER)
            await provider.save()
            await new({**row, "provider_id": provider.id}).save()

    async def counted_page(self, model):
        count = await Interaction.count().where(Interaction.model == model)
        return count, await _newest(Interaction.objects(), model)

    async def stream(self, since, count):
        seen, last = 0, None
        query = _since(Interaction.select(*_SLIM), since, count)
        async with await query.batch(batch_size=CHUNK) as batch:
            async for rows in batch:
                for row in rows:
                    seen, last = seen + 1, Slim(**row)
        return seen, last

    async def unit(self, updates):
        async with engine.transaction():
            for update in updates:
                await self.update(*update)
