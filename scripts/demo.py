"""What ./scripts/demo does, step by step. Run it again: nothing is loaded twice."""

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from tqdm import tqdm

import salacia
from salacia.ai_interactions import AiInteractionsCreateManyInput
from salacia.ai_providers import AiProvidersCreateManyInput
from salacia.api_requests import ApiRequestsCreateManyInput
from salacia.health_checks import HealthChecksCreateManyInput
from salacia_db.codegen.pipeline import generate
from salacia_db.codegen.project import load_project
from salacia_db.config import EMBEDDED_DATABASE
from salacia_db.postgres import embedded_url
from salacia_db.postgres.migrations.migrator import Migrator
from salacia_db.runtime import After, Hooks, Secret
from traffic import PROVIDERS, Exchange, exchanges

ROOT = Path(__file__).parents[1]
BATCH = 1_000

T = TypeVar("T")


def main() -> None:
    """Prepare the database, load it, work with it."""
    parser = argparse.ArgumentParser(prog="./scripts/demo", description=__doc__)
    parser.add_argument("--interactions", type=int, default=20_000, help="how many to load")
    options = parser.parse_args()

    heading("A server, a schema, generated code")
    start = time.perf_counter()
    url = embedded_url("embedded:", EMBEDDED_DATABASE)
    say("embedded PostgreSQL", f"started in {since(start)}; data in .salacia/postgres")
    start = time.perf_counter()
    applied = Migrator(url, ROOT / "migrations").up()
    say("migrations", f"{len(applied)} applied in {since(start)}")
    start = time.perf_counter()
    package = generate(load_project(ROOT, {}))
    changed = package.diff()
    say("generated/salacia", f"{package.queries} queries understood in {since(start)}")
    say("", "differs from what is committed" if changed else "what is committed is current")

    asyncio.run(work(url, options.interactions))


async def work(url: str, count: int) -> None:
    """Load a day of traffic, then do what an application does."""
    hooks = Hooks()
    told: list[str] = []

    @hooks.after_commit(salacia.AiInteraction)
    def notify(event: After[salacia.AiInteraction]) -> None:
        told.append(f"{type(event).__name__.lower()} {len(event.rows)}")

    async with salacia.connect(url) as db:
        heading("A day of traffic")
        await load(db, count)
    async with salacia.connect(url, hooks=hooks) as db:
        heading("Reading")
        await read(db)
        heading("Units of work")
        await write(db, told)
        heading("Rates, one task at a time")
        await rates(db)


async def load(db: salacia.Database, count: int) -> None:
    """Fill an empty database; leave a filled one alone."""
    present = (await db.statistics.summary()).total
    if present:
        say("kept", f"{present:,} interactions of an earlier run; nothing is loaded again")
        return
    providers = await db.ai_providers.create_many(
        rows=[
            AiProvidersCreateManyInput(
                name=name,
                type=kind,
                base_url=base,
                models=models,
                api_key=None if kind == "ollama" else Secret(f"sk-demo-{number}"),
                is_default=number == 0,
            )
            for number, (name, (kind, base, models)) in enumerate(PROVIDERS.items())
        ]
    )
    ids = {provider.name: provider.id for provider in providers}
    now = datetime.now(UTC)
    start = time.perf_counter()
    with tqdm(total=count, unit=" rows", desc="  interactions", leave=False) as progress:
        for chunk in chunks(exchanges(count, now), BATCH):
            rows = [interaction(exchange, ids) for exchange in chunk]
            progress.update(len(await db.ai_interactions.create_many(rows=rows)))
    rate = count / (time.perf_counter() - start)
    say("interactions", f"{count:,} with 1 KB each way, {rate:,.0f} a second, committed")
    checks = [check(now - timedelta(minutes=minute), minute) for minute in range(24 * 60)]
    say("health checks", f"{await db.health_checks.create_many(rows=checks):,}")
    requests = [request(now - timedelta(seconds=17 * n), n) for n in range(5_000)]
    say("API requests", f"{await db.api_requests.create_many(rows=requests):,}")


async def read(db: salacia.Database) -> None:
    """Look up, filter, page, count."""
    page = await db.messages.search(limit=3)
    for message in page:
        tokens = f"{message.total_tokens or 0:>4} tokens"
        say(f"{message.created_at:%H:%M:%S}", f"{message.model:14} {tokens}  {message.status_code}")
    following = await db.messages.search(after=page.next, limit=3)
    say("next page", ", ".join(message.model for message in following))
    failed = await db.messages.search(failed=True, limit=3)
    say("newest failures", "; ".join(message.error or "" for message in failed))
    for model in await db.statistics.top_models(limit=3):
        say("top model", f"{model.model:14} {model.total:,} messages")
    everything = await db.statistics.summary()
    rate = everything.success_rate or 0
    say("statistics", f"{everything.total:,} messages, {rate:.1f} % successful")


async def write(db: salacia.Database, told: list[str]) -> None:
    """One unit that commits, one that rolls back, and what the hooks heard of them."""
    default = await db.ai_providers.get_default()
    assert default is not None
    async with db.unit_of_work() as uow:
        created = await uow.ai_interactions.create(
            provider_id=default.id, model="gpt-4", request={"prompt": "Hello"}
        )
        await uow.ai_interactions.complete(
            id=created.id, response={"completion": "Hi there!"}, status_code=200
        )
        say("inside the unit", f"the hook has heard {told}")
    say("committed", f"the hook has heard {told}")
    told.clear()
    try:
        async with db.unit_of_work() as uow:
            await uow.ai_interactions.create(model="gpt-4", request={"prompt": "Never mind"})
            raise RuntimeError("the caller changes its mind")
    except RuntimeError as error:
        say("rolled back", f"{error}; the hook has heard {told}")
    say("the provider", f"{default.name}, api_key={default.api_key!r}")


async def rates(db: salacia.Database) -> None:
    """How many calls a second one task gets through."""
    ids = [message.id for message in await db.messages.search(limit=100)]
    start = time.perf_counter()
    for number in range(2_000):
        await db.ai_interactions.get(id=ids[number % len(ids)])
    say("lookups", f"{2_000 / (time.perf_counter() - start):,.0f} a second")
    start = time.perf_counter()
    for _ in range(300):
        await db.messages.search(model="gpt-4", limit=20)
    say("filtered pages of 20", f"{300 / (time.perf_counter() - start):,.0f} a second")


def interaction(exchange: Exchange, ids: dict[str, UUID]) -> AiInteractionsCreateManyInput:
    """The row of an exchange."""
    tokens = exchange.prompt_tokens + (exchange.completion_tokens or 0)
    return AiInteractionsCreateManyInput(
        provider_id=ids[exchange.provider],
        model=exchange.model,
        request=exchange.request,
        response=exchange.response,
        prompt_tokens=exchange.prompt_tokens,
        completion_tokens=exchange.completion_tokens,
        total_tokens=tokens,
        response_time_ms=exchange.response_time_ms,
        status_code=exchange.status_code,
        error=exchange.error,
        created_at=exchange.created_at,
    )


def check(moment: datetime, number: int) -> HealthChecksCreateManyInput:
    """A look at the gateway, which is well but for a few minutes of the day."""
    status = "unhealthy" if number % 480 == 7 else "degraded" if number % 240 < 3 else "healthy"
    return HealthChecksCreateManyInput(
        status=status,
        database_status=status != "unhealthy",
        response_time_ms=3 + number % 11,
        created_at=moment,
    )


def request(moment: datetime, number: int) -> ApiRequestsCreateManyInput:
    """A request that the gateway answered."""
    method, path = (("GET", "/api/messages"), ("POST", "/api/chat"))[number % 2]
    return ApiRequestsCreateManyInput(
        method=method,
        path=path,
        headers={"accept": "application/json"},
        user_agent="demo/1.0",
        ip_address=f"10.0.{number % 7}.{number % 251}",
        status_code=200 if number % 50 else 404,
        response_time_ms=5 + number % 90,
        created_at=moment,
    )


def chunks(items: Iterator[T], size: int) -> Iterator[Sequence[T]]:
    """The items, `size` at a time."""
    chunk: list[T] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def heading(text: str) -> None:
    """Print a section's title."""
    print(f"\n{text}")


def say(what: str, text: str) -> None:
    """Print a line of a section."""
    print(f"  {what:22} {text}", flush=True)


def since(start: float) -> str:
    """The time since `start`, for people."""
    return f"{(time.perf_counter() - start) * 1000:,.0f} ms"


if __name__ == "__main__":
    main()
