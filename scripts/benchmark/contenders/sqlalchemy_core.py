"""SQLAlchemy Core on asyncpg; rows become structs."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import create_async_engine

from benchmark.contender import CHUNK, CONNECTIONS, Contender
from benchmark.models import INTERACTION, NEW_PROVIDER, PROVIDER, SLIM, Interaction, Provider, Slim

_NEW_ID = text("gen_random_uuid()")
_NOW = text("now()")
_metadata = MetaData()
providers = Table(
    "ai_providers",
    _metadata,
    Column("id", Uuid, primary_key=True, server_default=_NEW_ID),
    Column("name", String(100), nullable=False, unique=True),
    Column("type", String(50), nullable=False),
    Column("api_key", Text),
    Column("base_url", String(500)),
    Column("models", JSONB),
    Column("settings", JSONB),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("is_default", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
)
interactions = Table(
    "ai_interactions",
    _metadata,
    Column("id", Uuid, primary_key=True, server_default=_NEW_ID),
    Column("provider_id", ForeignKey("ai_providers.id", ondelete="SET NULL")),
    Column("model", String(100), nullable=False),
    Column("request", JSONB, nullable=False),
    Column("response", JSONB),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("total_tokens", Integer),
    Column("response_time_ms", Integer),
    Column("status_code", Integer),
    Column("error", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
)
_i, _p = interactions.c, providers.c
_ALL = [_i[name] for name in INTERACTION]
_SLIM = [_i[name] for name in SLIM]
_JOINED = [*_ALL, *(_p[name].label("p_" + name) for name in PROVIDER)]
_COLUMNS = len(_ALL)


def engine(url):
    """An engine with a pool of the common size."""
    return create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://"),
        pool_size=CONNECTIONS,
        max_overflow=0,
    )


def _since(columns, since, limit):
    return (
        select(*columns).where(_i.created_at >= since).order_by(_i.created_at, _i.id).limit(limit)
    )


def _newest(columns, model):
    return select(*columns).where(_i.model == model).order_by(_i.created_at.desc()).limit(20)


def _update(id, response_time_ms, completion_tokens):
    return (
        update(interactions)
        .where(_i.id == id)
        .values(response_time_ms=response_time_ms, completion_tokens=completion_tokens)
        .returning(*_ALL)
    )


class Bench(Contender):
    async def open(self):
        self.engine = engine(self.url)

    async def close(self):
        await self.engine.dispose()

    async def rows(self, query):
        async with self.engine.connect() as connection:
            return await connection.execute(query)

    async def get(self, id):
        row = (await self.rows(select(*_ALL).where(_i.id == id))).first()
        return Interaction(*row) if row else None

    async def page(self, model):
        query = _newest(_ALL, model).where(_i.error.is_(None))
        return [Interaction(*row) for row in await self.rows(query)]

    async def slim(self, since):
        return [Slim(*row) for row in await self.rows(_since(_SLIM, since, 1000))]

    async def full(self, since):
        return [Interaction(*row) for row in await self.rows(_since(_ALL, since, 1000))]

    async def insert(self, row):
        async with self.engine.begin() as connection:
            query = insert(interactions).values(row).returning(*_ALL)
            return Interaction(*(await connection.execute(query)).one())

    async def insert_many(self, rows):
        async with self.engine.begin() as connection:
            await connection.execute(insert(interactions), rows)

    async def update(self, id, response_time_ms, completion_tokens):
        async with self.engine.begin() as connection:
            query = _update(id, response_time_ms, completion_tokens)
            row = (await connection.execute(query)).first()
        return Interaction(*row) if row else None

    async def with_provider(self, model):
        query = _newest(_JOINED, model).join_from(interactions, providers, isouter=True)
        return [
            Interaction(
                *row[:_COLUMNS],
                None if row[_COLUMNS] is None else Provider(*row[_COLUMNS:]),
            )
            for row in await self.rows(query)
        ]

    async def transaction(self, name, row):
        provider = insert(providers).values(name=name, **NEW_PROVIDER).returning(_p.id)
        async with self.engine.begin() as connection:
            id = (await connection.execute(provider)).scalar_one()
            await connection.execute(insert(interactions).values({**row, "provider_id": id}))

    async def counted_page(self, model):
        count = select(func.count()).select_from(interactions).where(_i.model == model)
        async with self.engine.connect() as connection:
            total = (await connection.execute(count)).scalar_one()
            rows = await connection.execute(_newest(_ALL, model))
            return total, [Interaction(*row) for row in rows]

    async def stream(self, since, count):
        seen, last = 0, None
        async with self.engine.connect() as connection:
            query = _since(_SLIM, since, count).execution_options(yield_per=CHUNK)
            async for row in await connection.stream(query):
                seen, last = seen + 1, Slim(*row)
        return seen, last

    async def unit(self, updates):
        async with self.engine.begin() as connection:
            for each in updates:
                Interaction(*(await connection.execute(_update(*each))).one())
