"""The other files of sql/: interactions, API requests, health checks, system metadata."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from exchanges import load, position

import salacia
from salacia.ai_interactions import AiInteractionsCreateManyInput, AiInteractionsLoadInput
from salacia.api_requests import ApiRequestsCreateManyInput, ApiRequestsLoadInput
from salacia.health_checks import HealthChecksCreateManyInput, HealthChecksLoadInput
from salacia_db.runtime import uuid7

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
EXCHANGE: dict[str, Any] = {
    "model": "gpt-4",
    "request": {"prompt": "Hello"},
    "response": {"completion": "Hi there!"},
    "prompt_tokens": 4,
    "completion_tokens": 6,
    "total_tokens": 10,
    "response_time_ms": 250,
    "status_code": 200,
    "error": "none to speak of",
    "created_at": NOW,
}
REQUEST: dict[str, Any] = {
    "method": "POST",
    "path": "/chat",
    "headers": {"accept": "*/*"},
    "query": {"a": ["1", "2"]},
    "body": {"prompt": "Hello"},
    "user_agent": "test",
    "ip_address": "2001:db8::1",
    "status_code": 201,
    "response_time_ms": 12,
    "response_size_bytes": 345,
}


def fields(row: object, names: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


# --- interactions ---------------------------------------------------------------------------------


async def test_an_interaction_is_recorded_with_everything_or_with_the_least(
    db: salacia.Database,
) -> None:
    id_ = uuid7()
    full = await db.ai_interactions.create(id=id_, **EXCHANGE)
    assert full.id == id_, "known before the row is"
    assert fields(full, EXCHANGE) == EXCHANGE
    least = await db.ai_interactions.create(model="m", request=[])
    assert datetime.now(UTC) - least.created_at < timedelta(minutes=1)
    assert least.id > id_
    rest = fields(least, EXCHANGE)
    for given in ("model", "request", "created_at"):
        del rest[given]
    assert set(rest.values()) == {None}
    assert await db.ai_interactions.get(id=least.id) == least


async def test_a_streamed_answer_is_added_in_place(db: salacia.Database) -> None:
    begun = await db.ai_interactions.create(model="m", request={"stream": True})
    done = {name: EXCHANGE[name] for name in EXCHANGE if name not in ("model", "request")}
    del done["created_at"]
    ended = await db.ai_interactions.complete(id=begun.id, **done)
    assert ended is not None
    assert fields(ended, done) == done
    assert position(ended) == position(begun)
    assert ended.request == begun.request
    assert await db.ai_interactions.complete(id=begun.id) == ended, "what is left out stays"
    assert await db.ai_interactions.complete(id=UUID(int=1), response=None) is None


async def test_many_are_recorded_in_the_order_given(db: salacia.Database) -> None:
    rows = [
        AiInteractionsCreateManyInput(**EXCHANGE | {"model": f"m{n}", "total_tokens": n or None})
        for n in range(30)
    ]
    made = await db.ai_interactions.create_many(rows=rows)
    assert [(m.id, m.model, m.total_tokens) for m in made] == [
        (r.id, r.model, r.total_tokens) for r in rows
    ]
    assert await db.ai_interactions.create_many(rows=[]) == []


async def test_a_great_many_are_loaded_all_or_none(db: salacia.Database) -> None:
    rows = [AiInteractionsLoadInput(**EXCHANGE | {"model": f"m{n}"}) for n in range(500)]
    assert await db.ai_interactions.load(rows=rows) == 500
    found = await db.ai_interactions.get(id=rows[77].id)
    assert found is not None
    assert fields(found, EXCHANGE) == EXCHANGE | {"model": "m77"}
    with pytest.raises(Exception, match="not_negative"):
        await db.ai_interactions.load(
            rows=[
                AiInteractionsLoadInput(**EXCHANGE),
                AiInteractionsLoadInput(**EXCHANGE | {"total_tokens": -1}),
            ]
        )
    assert (await db.statistics.summary()).total == 500


async def test_a_period_is_exported_oldest_first(db: salacia.Database) -> None:
    rows = await load(db)
    since, until = rows[20].created_at, rows[120].created_at
    expected = [row for row in rows if since <= row.created_at < until]
    assert [row async for row in db.ai_interactions.export(since=since, until=until)] == expected


async def test_interactions_of_several_providers_at_once(db: salacia.Database) -> None:
    rows = await load(db)
    providers = sorted({r.provider_id for r in rows if r.provider_id})
    since = rows[50].created_at
    expected = [
        row
        for provider in providers
        for row in reversed(rows)
        if row.provider_id == provider and row.created_at >= since
    ]
    found = await db.ai_interactions.of_providers(provider_ids=providers, since=since)
    assert found == expected
    assert await db.ai_interactions.of_providers(provider_ids=[], since=since) == []


async def test_interactions_come_with_their_provider(db: salacia.Database) -> None:
    rows = await load(db)
    names = {p.id: p for p in await db.ai_providers.active()}
    good = [r for r in reversed(rows) if r.model == "gpt-4" and r.error is None]
    found = await db.ai_interactions.with_providers(model="gpt-4", limit=12)
    assert [(row.i, row.p) for row in found] == [
        (r, names.get(r.provider_id) if r.provider_id else None) for r in good[:12]
    ]
    assert None in {row.p and row.p.name for row in found}
    one = await db.ai_interactions.get_with_provider(id=good[0].id)
    assert one is not None
    assert (one.i, one.p) == (found[0].i, found[0].p)


# --- API requests ---------------------------------------------------------------------------------


async def test_requests_are_logged_and_the_recent_come_first(db: salacia.Database) -> None:
    first = await db.api_requests.create(**REQUEST)
    assert fields(first, REQUEST) == REQUEST
    least = await db.api_requests.create(method="GET", path="/")
    assert set(fields(least, REQUEST).values()) == {"GET", "/", None}
    many = [
        ApiRequestsCreateManyInput(**REQUEST | {"path": f"/{n}"}, created_at=NOW) for n in range(3)
    ]
    assert await db.api_requests.create_many(rows=many) == 3
    more = [ApiRequestsLoadInput(**REQUEST | {"path": "/copied"}, created_at=NOW)]
    assert await db.api_requests.load(rows=more) == 1
    found = await db.api_requests.recent()
    assert [r.path for r in found] == ["/copied", "/2", "/1", "/0", "/", "/chat"]
    assert found[0].created_at == NOW
    assert [r.id for r in await db.api_requests.recent(limit=2)] == [more[0].id, many[2].id]


# --- health ---------------------------------------------------------------------------------------


async def test_health_is_recorded_and_its_latest_state_known(db: salacia.Database) -> None:
    assert await db.health_checks.latest() is None
    check = await db.health_checks.create(
        status="degraded", database_status=True, response_time_ms=3, details={"pool": 5}
    )
    assert (check.status, check.details, check.response_time_ms) == ("degraded", {"pool": 5}, 3)
    assert await db.health_checks.latest() == check


async def test_outages_and_the_share_of_uptime(db: salacia.Database) -> None:
    statuses = ["healthy", "unhealthy", "degraded", "healthy", "unhealthy"]
    rows = [
        HealthChecksCreateManyInput(
            status=status,
            database_status=status != "unhealthy",
            response_time_ms=n,
            created_at=NOW + timedelta(minutes=n),
        )
        for n, status in enumerate(statuses)
    ]
    assert await db.health_checks.create_many(rows=rows[:4]) == 4
    loaded = [HealthChecksLoadInput(**{f: getattr(rows[4], f) for f in rows[4].__struct_fields__})]
    assert await db.health_checks.load(rows=loaded) == 1
    found = await db.health_checks.recent_unhealthy()
    assert [check.id for check in found] == [rows[4].id, rows[1].id]
    assert [c.id for c in await db.health_checks.recent_unhealthy(limit=1)] == [rows[4].id]
    uptime = await db.health_checks.uptime(since=NOW, until=NOW + timedelta(minutes=4))
    assert (uptime.total, uptime.healthy, uptime.degraded, uptime.unhealthy) == (4, 2, 1, 1)
    assert uptime.uptime == 75
    nobody = await db.health_checks.uptime(since=NOW - timedelta(days=1), until=NOW)
    assert (nobody.total, nobody.uptime) == (0, None)
    assert (await db.health_checks.uptime(since=NOW)).total == 5
    assert await db.health_checks.ping() == 1


# --- system metadata ------------------------------------------------------------------------------


async def test_metadata_is_set_again_and_forgotten(db: salacia.Database) -> None:
    first = await db.system_metadata.set(key="schema.version", value="1", description="Which")
    again = await db.system_metadata.set(key="schema.version", value="2")
    assert (again.id, again.value, again.description) == (first.id, "2", "Which")
    assert again.updated_at > first.updated_at
    assert again.created_at == first.created_at
    assert await db.system_metadata.get(key="schema.version") == again
    assert await db.system_metadata.delete(key="schema.version") == again
    assert await db.system_metadata.delete(key="schema.version") is None
    assert await db.system_metadata.get(key="schema.version") is None


async def test_a_prefix_means_its_characters(db: salacia.Database) -> None:
    for key in ("a", "a%", "a%b", "a_b", "aXb", "A%", "ä", "a\\%"):
        await db.system_metadata.set(key=key, value="")

    async def keys(prefix: str) -> list[str]:
        return [row.key for row in await db.system_metadata.with_prefix(prefix=prefix)]

    assert await keys("a%") == ["a%", "a%b"]
    assert await keys("a_") == ["a_b"]
    assert await keys("a\\") == ["a\\%"]
    assert await keys("ä") == ["ä"]
    assert await keys("") == ["A%", "a", "a%", "a%b", "aXb", "a\\%", "a_b", "ä"]
    assert await keys("b") == []
