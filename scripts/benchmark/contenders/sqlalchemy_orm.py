"""SQLAlchemy's async ORM on asyncpg, one session per operation."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import DateTime, ForeignKey, String, Text, event, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, defer, joinedload, mapped_column, relationship

from benchmark.contender import CHUNK, Contender
from benchmark.contenders.sqlalchemy_core import engine
from benchmark.models import NEW_PROVIDER

_NEW_ID = text("gen_random_uuid()")
_NOW = text("now()")


class Base(DeclarativeBase):
    type_annotation_map = {dt.datetime: DateTime(timezone=True), Any: JSONB}  # noqa: RUF012


class Provider(Base):
    __tablename__ = "ai_providers"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=_NEW_ID)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    type: Mapped[str] = mapped_column(String(50))
    api_key: Mapped[str | None] = mapped_column(Text)
    base_url: Mapped[str | None] = mapped_column(String(500))
    models: Mapped[Any] = mapped_column(JSONB, nullable=True)
    settings: Mapped[Any] = mapped_column(JSONB, nullable=True)
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=_NOW)
    updated_at: Mapped[dt.datetime] = mapped_column(server_default=_NOW)


class Interaction(Base):
    __tablename__ = "ai_interactions"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=_NEW_ID)
    provider_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("ai_providers.id", ondelete="SET NULL")
    )
    model: Mapped[str] = mapped_column(String(100))
    request: Mapped[Any] = mapped_column(JSONB)
    response: Mapped[Any] = mapped_column(JSONB, nullable=True)
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    total_tokens: Mapped[int | None]
    response_time_ms: Mapped[int | None]
    status_code: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[dt.datetime] = mapped_column(server_default=_NOW)
    provider: Mapped[Provider | None] = relationship()


def _newest(model):
    return (
        select(Interaction)
        .where(Interaction.model == model)
        .order_by(Interaction.created_at.desc())
        .limit(20)
    )


def _since(since, limit):
    return (
        select(Interaction)
        .where(Interaction.created_at >= since)
        .order_by(Interaction.created_at, Interaction.id)
        .limit(limit)
    )


_SLIM = (defer(Interaction.request), defer(Interaction.response))


def _update(id, response_time_ms, completion_tokens):
    return (
        update(Interaction)
        .where(Interaction.id == id)
        .values(response_time_ms=response_time_ms, completion_tokens=completion_tokens)
        .returning(Interaction)
    )


class Bench(Contender):
    async def open(self):
        self.engine = engine(self.url)
        self.session = async_sessionmaker(self.engine, expire_on_commit=False)

    async def close(self):
        await self.engine.dispose()

    async def get(self, id):
        async with self.session() as session:
            return await session.get(Interaction, id)

    async def page(self, model):
        async with self.session() as session:
            query = _newest(model).where(Interaction.error.is_(None))
            return (await session.scalars(query)).all()

    async def slim(self, since):
        async with self.session() as session:
            return (await session.scalars(_since(since, 1000).options(*_SLIM))).all()

    async def full(self, since):
        async with self.session() as session:
            return (await session.scalars(_since(since, 1000))).all()

    async def insert(self, row):
        async with self.session() as session:
            found = Interaction(**row)
            session.add(found)
            await session.commit()
            return found

    async def insert_many(self, rows):
        async with self.session() as session:
            await session.execute(insert(Interaction), rows)
            await session.commit()

    async def update(self, id, response_time_ms, completion_tokens):
        async with self.session() as session:
            query = _update(id, response_time_ms, completion_tokens)
            found = (await session.scalars(query)).one_or_none()
            await session.commit()
            return found

    async def with_provider(self, model):
        async with self.session() as session:
            query = _newest(model).options(joinedload(Interaction.provider))
            return (await session.scalars(query)).all()

    async def transaction(self, name, row):
        async with self.session() as session, session.begin():
            columns = {key: value for key, value in row.items() if key != "provider_id"}
            session.add(Interaction(**columns, provider=Provider(name=name, **NEW_PROVIDER)))

    async def counted_page(self, model):
        count = select(func.count()).select_from(Interaction).where(Interaction.model == model)
        async with self.session() as session:
            total = await session.scalar(count)
            return total, (await session.scalars(_newest(model))).all()

    async def stream(self, since, count):
        seen, last = 0, None
        async with self.session() as session:
            query = _since(since, count).options(*_SLIM).execution_options(yield_per=CHUNK)
            async for last in await session.stream_scalars(query):
                seen += 1
        return seen, last

    async def hooked(self, hooks, id, response_time_ms, completion_tokens):
        # Its events see objects that a session flushes, not UPDATE statements.
        self.listen(hooks)
        async with self.session() as session:
            found = await session.get(Interaction, id)
            found.response_time_ms = response_time_ms
            found.completion_tokens = completion_tokens
            await session.commit()
            return found

    def listen(self, hooks):
        """So many listeners from now on; there is but one set of them per class."""
        listening = getattr(self, "listening", [])
        while len(listening) < hooks:
            listening.append(lambda mapper, connection, target: None)
            event.listen(Interaction, "after_update", listening[-1])
        while len(listening) > hooks:
            event.remove(Interaction, "after_update", listening.pop())
        self.listening = listening

    async def unit(self, updates):
        async with self.session() as session:
            for each in updates:
                (await session.scalars(_update(*each))).one()
            await session.commit()
