"""A realistic day of gateway traffic, the same for the same seed: what ./scripts/demo loads."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

PROVIDERS: dict[str, tuple[str, str, list[str]]] = {
    "OpenAI": ("openai", "https://api.openai.example/v1", ["gpt-4", "gpt-4o", "gpt-4o-mini"]),
    "OpenAI (EU)": ("openai", "https://eu.openai.example/v1", ["gpt-4", "gpt-4o"]),
    "OpenAI (batch)": ("openai", "https://batch.openai.example/v1", ["gpt-4o-mini"]),
    "Anthropic": ("anthropic", "https://api.anthropic.example", ["claude-sonnet", "claude-haiku"]),
    "Anthropic (research)": ("anthropic", "https://r.anthropic.example", ["claude-opus"]),
    "Groq": ("groq", "https://api.groq.example/v1", ["llama-70b", "mixtral-8x7b"]),
    "Groq (staging)": ("groq", "https://staging.groq.example/v1", ["llama-8b"]),
    "Ollama (desk)": ("ollama", "http://localhost:11434", ["llama3", "phi3"]),
    "Ollama (lab)": ("ollama", "http://lab.example:11434", ["llama3", "codellama"]),
    "Ollama (edge)": ("ollama", "http://edge.example:11434", ["phi3"]),
}
_TOPICS = (
    "a release note", "an invoice", "a unit test", "a SQL query", "a haiku about vacuum",
    "a support answer", "a job posting", "a regular expression", "a recipe", "a travel plan",
)  # fmt: skip
_WORDS = (
    "the of and to in is that for with as on it by this from which are be at an not or have was "
    "table index query row value cache token answer model request server client page order time "
    "first second another under between several perhaps always never quickly careful small large"
).split()
_ERRORS = (
    (429, "rate limit exceeded"),
    (500, "upstream error"),
    (503, "provider unavailable"),
    (504, "upstream timed out"),
)


@dataclass(frozen=True)
class Exchange:
    """One request to a provider and what came back."""

    provider: str
    model: str
    request: dict[str, Any]
    response: dict[str, Any] | None
    prompt_tokens: int
    completion_tokens: int | None
    response_time_ms: int
    status_code: int
    error: str | None
    created_at: datetime


def exchanges(count: int, until: datetime, seed: int = 7) -> Iterator[Exchange]:
    """`count` exchanges of the 24 hours before `until`, oldest first, most of them by day."""
    chance = random.Random(seed)
    names = list(PROVIDERS)
    weights = [1 / (rank + 1) for rank in range(len(names))]
    for moment in _moments(chance, count, until):
        name = chance.choices(names, weights)[0]
        model = chance.choice(PROVIDERS[name][2])
        failed = chance.random() < 0.04
        yield _exchange(chance, name, model, moment, failed=failed)


def _moments(chance: random.Random, count: int, until: datetime) -> list[datetime]:
    start = until - timedelta(days=1)
    found: list[datetime] = []
    while len(found) < count:
        moment = start + timedelta(seconds=chance.random() * 86_400)
        hour = moment.hour + moment.minute / 60
        if chance.random() < 0.55 - 0.45 * math.cos((hour - 3) / 24 * math.tau):
            found.append(moment)
    return sorted(found)


def _exchange(
    chance: random.Random, provider: str, model: str, moment: datetime, *, failed: bool
) -> Exchange:
    question = f"Please write {chance.choice(_TOPICS)}. {_prose(chance, 900)}"
    request = {
        "model": model,
        "temperature": round(chance.uniform(0, 1), 2),
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": question},
        ],
    }
    prompt_tokens = len(question) // 4
    if failed:
        status, error = chance.choice(_ERRORS)
        elapsed = chance.randrange(20, 30_000)
        return Exchange(
            provider, model, request, None, prompt_tokens, None, elapsed, status, error, moment
        )
    answer = _prose(chance, 950)
    tokens = len(answer) // 4
    response = {
        "choices": [{"message": {"role": "assistant", "content": answer}, "finish": "stop"}],
        "usage": {"input_tokens": prompt_tokens, "output_tokens": tokens},
    }
    elapsed = int(chance.lognormvariate(6.6, 0.6))
    return Exchange(
        provider, model, request, response, prompt_tokens, tokens, elapsed, 200, None, moment
    )


def _prose(chance: random.Random, length: int) -> str:
    words = chance.choices(_WORDS, k=length // 5)
    return " ".join(words)[:length]
