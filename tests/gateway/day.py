"""A day of messages as a gateway has them, to be looked at."""

import random
from datetime import UTC, datetime, timedelta

import salacia
from salacia.ai_interactions import AiInteractionsCreateManyInput as Exchange
from salacia.ai_providers import AiProvidersCreateManyInput as NewProvider
from salacia_db.runtime import Secret

SAID = {
    "Summarise the attached minutes in three sentences.": "The board agreed to move the office.",
    "Translate into French: the tide comes in at six.": "La marée monte à six heures.",
    "Why does this query not use the index on created_at?": "Most of the rows match, so that…",
    "Write a haiku about the sea.": "Salt wind, grey morning —\nthe tide forgets its own name.",
    "Which of these invoices are overdue?": "Invoices 1042, 1077 and 1101.",
    "Classify: refund request or complaint?": "complaint",
    "Draft a reply to the customer about the second parcel, which is late.": "Dear Ms Winter, …",
}
MODELS = {"gpt-4o": 5, "gpt-4o-mini": 3, "claude-sonnet-4": 6, "llama3:8b": 1}


async def a_day(db: salacia.Database, count: int = 900) -> None:
    """Fills an empty database with the messages of the last 24 hours."""
    dice = random.Random(4)
    secret = Secret("sk-…")
    anthropic, ollama, openai = await db.ai_providers.create_many(
        [
            NewProvider(
                name="Anthropic", type="anthropic", api_key=secret, models=["claude-sonnet-4"]
            ),
            NewProvider(
                name="Ollama", type="ollama", base_url="http://10.0.0.7:11434", models=["llama3:8b"]
            ),
            NewProvider(
                name="OpenAI", type="openai", api_key=secret, models=["gpt-4o", "gpt-4o-mini"]
            ),
        ]
    )
    await db.ai_providers.set_default(id=anthropic.id)
    asked = {"claude-sonnet-4": anthropic.id, "llama3:8b": ollama.id}
    now = datetime.now(UTC)
    ages = sorted((86_000 * dice.random() ** 1.3 for _ in range(count)), reverse=True)
    exchanges: list[Exchange] = []
    for age in ages:
        (model,) = dice.choices([*MODELS], [*MODELS.values()])
        prompt, answer = dice.choice([*SAID.items()])
        failed = dice.random() < 0.06
        sent, received = dice.randrange(20, 900), dice.randrange(10, 1200)
        turns = [
            {"role": "system", "content": "You are a careful assistant."},
            {"role": "user", "content": prompt},
        ]
        reply = {"choices": [{"message": {"role": "assistant", "content": answer}}]}
        exchanges.append(
            Exchange(
                model=model,
                provider_id=asked.get(model, openai.id),
                request={"model": model, "messages": turns, "temperature": 1.0},
                response=None if failed else reply,
                error="rate limit reached, try again in 20 s" if failed else None,
                status_code=429 if failed else 200,
                prompt_tokens=sent,
                completion_tokens=None if failed else received,
                total_tokens=sent if failed else sent + received,
                response_time_ms=round(dice.lognormvariate(6.6, 0.8)),
                created_at=now - timedelta(seconds=age),
            )
        )
    await db.ai_interactions.create_many(exchanges)
