"""Some hundred interactions with ties and NULLs, and a plain list that answers as services do."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import asdict

import salacia
from salacia.ai_interactions import AiInteractionsCreateManyInput as Exchange
from salacia.ai_providers import AiProvidersCreateManyInput as NewProvider
from salacia_db.gateway import MessageFilter

COUNT = 520
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODELS = ("gpt-4", "claude-3", "llama3")
WORDS = ("alpha", "beta", "gamma")
TOKENS = (None, 0, 10, 250, 4000)
TIMES = (None, 0, 5, 80, 1000)
MINUTES = 40

Row = salacia.AiInteraction


class Model:
    """The rows as a plain list, and what services should answer about them."""

    def __init__(self, rows: Sequence[Row], providers: Sequence[UUID]) -> None:
        self.rows = list(rows)
        self.providers = list(providers)
        self._sorted = {
            name: sorted(self.rows, key=key, reverse=down) for name, (key, down) in ORDERS.items()
        }

    def find(self, where: MessageFilter, sort: str) -> list[Row]:
        """The rows that match, in their order."""
        given = {name: value for name, value in asdict(where).items() if value is not None}
        tests = [(FILTERS[name], value) for name, value in given.items()]
        return [row for row in self._sorted[sort] if all(test(row, v) for test, v in tests)]


async def load(db: salacia.Database, *, seed: int = 7) -> Model:
    """Fill an empty database."""
    dice = random.Random(seed)
    providers = await db.ai_providers.create_many(
        NewProvider(name=f"provider {n}", type="openai") for n in range(3)
    )
    ids = [provider.id for provider in providers]
    rows = await db.ai_interactions.create_many([_exchange(dice, ids) for _ in range(COUNT)])
    return Model(rows, ids)


def _exchange(dice: random.Random, providers: list[UUID]) -> Exchange:
    error, status = dice.choice([(None, 200)] * 4 + [("timeout", None), (None, 500), (None, None)])
    return Exchange(
        provider_id=dice.choice([providers[0]] * 4 + [providers[1], providers[2], None]),
        model=dice.choices(MODELS, (5, 1, 1))[0],
        request={"messages": [{"role": "user", "content": dice.choice(WORDS)}]},
        response={"completion": dice.choice(WORDS)} if dice.random() < 0.8 else None,
        total_tokens=dice.choice(TOKENS),
        response_time_ms=dice.choice(TIMES),
        status_code=status,
        error=error,
        created_at=START + timedelta(minutes=dice.randrange(MINUTES)),
    )


def _has_words(row: Row, term: str) -> bool:
    answer = row.response["completion"] if row.response else ""
    words = {row.request["messages"][0]["content"], answer}
    return words.issuperset(term.lower().split())


def _at_least(column: str) -> Callable[[Row, int], bool]:
    return lambda row, least: (v := getattr(row, column)) is not None and v >= least


def _at_most(column: str) -> Callable[[Row, int], bool]:
    return lambda row, most: (v := getattr(row, column)) is not None and v <= most


FILTERS: dict[str, Callable[[Row, Any], bool]] = {
    "model": lambda row, model: row.model == model,
    "provider_id": lambda row, provider: row.provider_id == provider,
    "since": lambda row, since: row.created_at >= since,
    "until": lambda row, until: row.created_at < until,
    "failed": lambda row, failed: (row.error is not None) == failed,
    "min_tokens": _at_least("total_tokens"),
    "max_tokens": _at_most("total_tokens"),
    "min_response_time_ms": _at_least("response_time_ms"),
    "max_response_time_ms": _at_most("response_time_ms"),
    "search": _has_words,
}


def _nulls_last(column: str) -> Callable[[Row], Any]:
    """The key of a column whose largest values come first, and its NULLs last, when reversed."""
    return lambda row: ((v := getattr(row, column)) is not None, v or 0, row.id)


ORDERS: dict[str, tuple[Callable[[Row], Any], bool]] = {
    "newest": (lambda row: (row.created_at, row.id), True),
    "oldest": (lambda row: (row.created_at, row.id), False),
    "id": (lambda row: row.id, False),
    "id_descending": (lambda row: row.id, True),
    "model": (lambda row: (row.model, row.created_at, row.id), False),
    "model_descending": (lambda row: (row.model, row.created_at, row.id), True),
    "most_tokens": (_nulls_last("total_tokens"), True),
    "fewest_tokens": (_nulls_last("total_tokens"), False),
    "slowest": (_nulls_last("response_time_ms"), True),
    "fastest": (_nulls_last("response_time_ms"), False),
}


def summary(rows: Sequence[Row]) -> salacia.Summary:
    """What a plain list says of itself."""
    successful = sum(row.error is None and row.status_code == 200 for row in rows)
    failed = sum(row.error is not None or row.status_code not in (None, 200) for row in rows)
    times = [row.response_time_ms for row in rows if row.response_time_ms is not None]
    models = sorted(Counter(row.model for row in rows).items(), key=lambda m: (-m[1], m[0]))
    return salacia.Summary(
        total=len(rows),
        successful=successful,
        failed=failed,
        success_rate=100 * successful / len(rows) if rows else None,
        total_tokens=sum(row.total_tokens or 0 for row in rows),
        average_response_time_ms=sum(times) / len(times) if times else None,
        most_used_model=models[0][0] if models else None,
        distinct_models=len(models),
    )
