"""SQLSpec: queries by name, `schema_type=` structs, its own pool and codecs, COPY for many rows."""

from sqlspec import SQLSpec
from sqlspec.adapters.asyncpg import AsyncpgConfig

from benchmark import statements as sql
from benchmark.contender import CONNECTIONS, Contender
from benchmark.contenders.asyncpg_written import values, with_provider
from benchmark.models import NEW, NEW_PROVIDER, Interaction, Slim
from benchmark.statements import renamed

_TEXTS = {
    "get": renamed(sql.GET, ":{}", "id"),
    "page": renamed(sql.PAGE, ":{}", "model"),
    "slim": renamed(sql.SLIM_1000, ":{}", "since"),
    "full": renamed(sql.FULL_1000, ":{}", "since"),
    "insert": renamed(sql.INSERT, ":{}", *NEW),
    "insert_only": renamed(sql.INSERT_ONLY, ":{}", *NEW),
    "update": renamed(sql.UPDATE, ":{}", "id", "ms", "tokens"),
    "with_provider": renamed(sql.WITH_PROVIDER, ":{}", "model"),
    "insert_provider": renamed(sql.INSERT_PROVIDER, ":{}", "name", *NEW_PROVIDER),
    "count": renamed(sql.COUNT, ":{}", "model"),
    "newest": renamed(sql.COUNTED_PAGE, ":{}", "model"),
}


class Bench(Contender):
    async def open(self):
        self.spec = SQLSpec()
        self.config = self.spec.add_config(
            AsyncpgConfig(
                connection_config={
                    "dsn": self.url,
                    "min_size": CONNECTIONS,
                    "max_size": CONNECTIONS,
                }
            )
        )
        for name, text in _TEXTS.items():
            self.spec.add_named_sql(name, text)
        await self.config.create_pool()

    async def close(self):
        await self.spec.close_all_pools()

    def session(self):
        return self.spec.provide_session(self.config)

    def sql(self, name):
        return self.spec.get_sql(name)

    async def get(self, id):
        async with self.session() as session:
            return await session.select_one_or_none(
                self.sql("get"), {"id": id}, schema_type=Interaction
            )

    async def page(self, model):
        async with self.session() as session:
            return await session.select(self.sql("page"), {"model": model}, schema_type=Interaction)

    async def slim(self, since):
        async with self.session() as session:
            return await session.select(self.sql("slim"), {"since": since}, schema_type=Slim)

    async def full(self, since):
        async with self.session() as session:
            return await session.select(self.sql("full"), {"since": since}, schema_type=Interaction)

    async def insert(self, row):
        async with self.session() as session:
            return await session.select_one(self.sql("insert"), row, schema_type=Interaction)

    async def insert_many(self, rows):
        # Its `load_from_records` does the same, and wants pyarrow installed.
        async with self.session() as session:
            await session.connection.copy_records_to_table(
                "ai_interactions", columns=NEW, records=[values(row) for row in rows]
            )

    async def update(self, id, response_time_ms, completion_tokens):
        async with self.session() as session:
            return await session.select_one_or_none(
                self.sql("update"),
                {"id": id, "ms": response_time_ms, "tokens": completion_tokens},
                schema_type=Interaction,
            )

    async def with_provider(self, model):
        # A joined row is flat, and `schema_type` doesn't nest it.
        async with self.session() as session:
            rows = await session.select(self.sql("with_provider"), {"model": model})
        return [with_provider(row) for row in rows]

    async def transaction(self, name, row):
        async with self.session() as session, session.transaction():
            id = await session.select_value(
                self.sql("insert_provider"), {"name": name, **NEW_PROVIDER}
            )
            await session.execute(self.sql("insert_only"), {**row, "provider_id": id})

    async def counted_page(self, model):
        async with self.session() as session:
            count = await session.select_value(self.sql("count"), {"model": model})
            rows = await session.select(
                self.sql("newest"), {"model": model}, schema_type=Interaction
            )
        return count, rows

    async def unit(self, updates):
        async with self.session() as session, session.transaction():
            for id, ms, tokens in updates:
                await session.select_one_or_none(
                    self.sql("update"),
                    {"id": id, "ms": ms, "tokens": tokens},
                    schema_type=Interaction,
                )
