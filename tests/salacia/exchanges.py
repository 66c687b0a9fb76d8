"""Interactions made up for tests, and how a plain list would answer what the statements answer."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import salacia
from salacia.ai_interactions import AiInteractionsCreateManyInput as Exchange
from salacia.ai_providers import AiProvidersCreateManyInput as NewProvider

MODELS = ("gpt-4", "claude-3", "llama3")
WORDS = ("alpha", "beta", "gamma", "delta")
START = datetime(2025, 3, 1, 12, tzinfo=UTC)


async def load(db: salacia.Database, count: int = 150) -> list[salacia.AiInteraction]:
    """Two providers and `count` interactions, oldest first; many share their time."""
    providers = await db.ai_providers.create_many(
        rows=[NewProvider(name=name, type="openai") for name in ("first", "second")]
    )
    dice = random.Random(7)
    made = await db.ai_interactions.create_many(
        rows=[exchange(dice, [p.id for p in providers]) for _ in range(count)]
    )
    return sorted(made, key=position)


def exchange(dice: random.Random, providers: list[UUID]) -> Exchange:
    """One exchange: some failed, some are still under way, some lack their figures."""
    error, status = dice.choice([(None, 200)] * 4 + [("timeout", None), (None, 500), (None, None)])
    return Exchange(
        provider_id=dice.choice([*providers, None]),
        model=dice.choice(MODELS),
        request={"messages": [{"role": "user", "content": dice.choice(WORDS)}]},
        response={"completion": dice.choice(WORDS)} if error is None else None,
        total_tokens=dice.choice([None, 0, 10, 250]),
        response_time_ms=dice.choice([None, 5, 80]),
        status_code=status,
        error=error,
        created_at=START + timedelta(minutes=dice.randrange(40)),
    )


def position(row: salacia.AiInteraction | salacia.Message) -> tuple[datetime, UUID]:
    """Where a row stands in the order of the list."""
    return row.created_at, row.id


def has_word(row: salacia.AiInteraction, word: str) -> bool:
    """Whether the word occurs in what was asked or answered."""
    answer = row.response["completion"] if row.response else ""
    return word in (row.request["messages"][0]["content"], answer)
