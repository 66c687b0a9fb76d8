"""salacia_db: the package that it generates from ../sql, as its documents use it."""

import bench_queries
from bench_queries import AiInteraction, InteractionsLoadInput

from benchmark.contender import CONNECTIONS, Contender, notice
from benchmark.models import NEW_PROVIDER
from salacia_db import Hooks


class Bench(Contender):
    async def open(self):
        self.db = self.connect(Hooks(), CONNECTIONS)
        self.with_hooks = {0: self.db}
        for count in (1, 10):
            hooks = Hooks()
            for _ in range(count):
                # The same function ten times would be told once.
                hooks.after_update(AiInteraction)(hook())
            self.with_hooks[count] = self.connect(hooks, 1)
        for db in self.with_hooks.values():
            await db.open()

    def connect(self, hooks, connections):
        return bench_queries.connect(
            self.url, hooks=hooks, pool_min=connections, pool_max=connections
        )

    async def close(self):
        for db in self.with_hooks.values():
            await db.close()

    def joined(self, row):
        return row.i, row.p

    async def get(self, id):
        return await self.db.interactions.get(id=id)

    async def page(self, model):
        return await self.db.interactions.page(model=model)

    async def slim(self, since):
        return await self.db.interactions.slim(since=since)

    async def full(self, since):
        return await self.db.interactions.full(since=since)

    async def insert(self, row):
        return await self.db.interactions.insert(**row)

    async def insert_many(self, rows):
        await self.db.interactions.load([InteractionsLoadInput(**row) for row in rows])

    async def update(self, id, response_time_ms, completion_tokens):
        return await self.db.interactions.set_times(
            id=id, response_time_ms=response_time_ms, completion_tokens=completion_tokens
        )

    async def with_provider(self, model):
        return await self.db.interactions.with_provider(model=model)

    async def transaction(self, name, row):
        async with self.db.unit_of_work() as uow:
            id = await uow.providers.insert(name=name, **NEW_PROVIDER)
            await uow.interactions.insert_only(**{**row, "provider_id": id})

    async def counted_page(self, model):
        count = await self.db.interactions.count(model=model)
        return count, await self.db.interactions.newest(model=model)

    async def stream(self, since, count):
        seen, last = 0, None
        async with self.db.interactions.walk(since=since, count=count) as stream:
            async for chunk in stream.chunks():
                for last in chunk:
                    seen += 1
        return seen, last

    async def get_shared(self, id):
        return await self.db.interactions.get_shared(id=id)

    async def insert_shared(self, row):
        return await self.db.interactions.insert_shared(**row)

    async def hooked(self, hooks, id, response_time_ms, completion_tokens):
        return await self.with_hooks[hooks].interactions.set_times(
            id=id, response_time_ms=response_time_ms, completion_tokens=completion_tokens
        )

    async def unit(self, updates):
        async with self.db.unit_of_work() as uow:
            for id, response_time_ms, completion_tokens in updates:
                await uow.interactions.set_times(
                    id=id, response_time_ms=response_time_ms, completion_tokens=completion_tokens
                )


def hook():
    async def noticed(event):
        for row in event.rows:
            await notice(row)

    return noticed
