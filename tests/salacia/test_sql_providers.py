"""sql/ai_providers.sql: partial updates, the default one and races for it, and relations."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from exchanges import load

import salacia
from salacia.ai_providers import AiProvidersCreateManyInput as NewProvider
from salacia_db.runtime import UNSET, CheckViolation, ExclusionViolation, Secret, UniqueViolation

FULL: dict[str, Any] = {
    "name": "OpenAI",
    "type": "openai",
    "auth_type": salacia.AuthType.OAUTH,
    "api_key": Secret("sk-1"),
    "base_url": "https://api.example",
    "models": ["gpt-4"],
    "settings": {"timeout": 30},
    "is_active": False,
    "oauth_access_token": Secret("a"),
    "oauth_refresh_token": Secret("r"),
    "oauth_token_expires_at": datetime(2030, 1, 1, tzinfo=UTC),
    "oauth_scope": "chat",
    "oauth_client_id": "client",
}
CHANGED: dict[str, Any] = {
    "name": "Other",
    "type": "groq",
    "auth_type": salacia.AuthType.API_KEY,
    "api_key": Secret("sk-2"),
    "base_url": "https://other.example",
    "models": [],
    "settings": {},
    "is_active": True,
    "oauth_access_token": Secret("b"),
    "oauth_refresh_token": Secret("s"),
    "oauth_token_expires_at": datetime(2031, 1, 1, tzinfo=UTC),
    "oauth_scope": "all",
    "oauth_client_id": "another",
}
NULLABLE = [name for name in FULL if name not in ("name", "type", "auth_type", "is_active")]


async def create(db: salacia.Database, *names: str, **values: Any) -> list[UUID]:
    rows = [NewProvider(name=name, type="ollama", **values) for name in names]
    return [provider.id for provider in await db.ai_providers.create_many(rows=rows)]


async def default(db: salacia.Database) -> str | None:
    provider = await db.ai_providers.get_default()
    return None if provider is None else provider.name


def fields(provider: salacia.AiProvider) -> dict[str, Any]:
    return {name: getattr(provider, name) for name in FULL}


# --- one provider ---------------------------------------------------------------------------------


async def test_a_provider_is_made_with_everything_or_with_the_least(db: salacia.Database) -> None:
    full = await db.ai_providers.create(**FULL)
    assert fields(full) == FULL
    assert full.is_default is False
    least = await db.ai_providers.create(name="least", type="groq")
    assert least.auth_type is salacia.AuthType.API_KEY
    assert (least.is_active, least.is_default, least.models, least.api_key) == (
        True,
        False,
        None,
        None,
    )
    assert await db.ai_providers.get(id=full.id) == full
    assert await db.ai_providers.get_by_name(name="least") == least
    assert await db.ai_providers.get(id=UUID(int=1)) is None
    assert await db.ai_providers.get_by_name(name="LEAST") is None


async def test_what_makes_no_sense_is_refused_by_name(db: salacia.Database) -> None:
    await db.ai_providers.create(name="taken", type="groq", is_default=True)
    for values, error, constraint in (
        ({"name": "taken"}, UniqueViolation, "ai_providers_name_key"),
        ({"name": "n", "is_default": True}, ExclusionViolation, "ai_providers_one_default"),
        ({"name": ""}, CheckViolation, "ai_providers_name_not_empty"),
        ({"name": "n", "models": [1]}, CheckViolation, "ai_providers_models_are_strings"),
    ):
        with pytest.raises(error) as caught:
            await db.ai_providers.create(**({"type": "groq"} | values))  # type: ignore[arg-type]
        assert caught.value.constraint == constraint


@pytest.mark.parametrize("field", FULL)
async def test_an_update_changes_the_field_that_is_given_and_no_other(
    db: salacia.Database, field: str
) -> None:
    before = await db.ai_providers.create(**FULL)
    after = await db.ai_providers.update(id=before.id, **{field: CHANGED[field]})
    assert after is not None
    assert fields(after) == FULL | {field: CHANGED[field]}
    assert after.updated_at > before.updated_at
    assert after.created_at == before.created_at


@pytest.mark.parametrize("field", NULLABLE)
async def test_null_is_a_value_of_its_own(db: salacia.Database, field: str) -> None:
    provider = await db.ai_providers.create(**FULL)
    after = await db.ai_providers.update(id=provider.id, **{field: None})
    assert after is not None
    assert fields(after) == FULL | {field: None}


@pytest.mark.parametrize("field", [name for name in FULL if name not in NULLABLE])
async def test_none_leaves_a_field_that_can_t_be_null(db: salacia.Database, field: str) -> None:
    provider = await db.ai_providers.create(**FULL)
    assert await db.ai_providers.update(id=provider.id, **{field: None}) == provider


async def test_an_update_of_nothing_returns_the_provider_as_it_was(db: salacia.Database) -> None:
    provider = await db.ai_providers.create(**FULL)
    nothing: dict[str, Any] = dict.fromkeys(FULL, UNSET)
    assert await db.ai_providers.update(id=provider.id, **nothing) == provider
    assert await db.ai_providers.update(id=UUID(int=1)) is None


async def test_an_update_of_everything_at_once(db: salacia.Database) -> None:
    provider = await db.ai_providers.create(**FULL)
    after = await db.ai_providers.update(id=provider.id, **CHANGED)
    assert after is not None
    assert fields(after) == CHANGED


async def test_an_update_of_nobody_finds_nobody(db: salacia.Database) -> None:
    await db.ai_providers.create(**FULL)
    assert await db.ai_providers.update(id=UUID(int=1), name="x") is None


async def test_all_providers_of_one_type_are_switched_at_once(db: salacia.Database) -> None:
    await create(db, "a", "b")
    other = await db.ai_providers.create(name="c", type="groq")
    assert await db.ai_providers.switch(type="ollama", is_active=False) == 2
    assert await db.ai_providers.active() == [other]
    assert await db.ai_providers.switch(type="openai", is_active=True) == 0


# --- lists ----------------------------------------------------------------------------------------


async def test_every_combination_of_filters_with_its_total(db: salacia.Database) -> None:
    types, auths = ("groq", "ollama"), tuple(salacia.AuthType)
    made = [
        await db.ai_providers.create(
            name=f"p{number:02}",
            type=types[number % 2],
            auth_type=auths[number // 2 % 2],
            is_active=number % 3 > 0,
            is_default=number == 5,
        )
        for number in range(24)
    ]
    choices: dict[str, tuple[Any, ...]] = {
        "type": (None, *types, "openai"),
        "auth_type": (None, *auths),
        "is_active": (None, True, False),
        "is_default": (None, True, False),
    }
    combinations: list[dict[str, Any]] = [{}]
    for name, values in choices.items():
        combinations = [c | {name: value} for c in combinations for value in values]
    for given in combinations:
        wanted = {name: value for name, value in given.items() if value is not None}
        expected = [p for p in made if all(getattr(p, n) == v for n, v in wanted.items())]
        rows = await db.ai_providers.search(**given)
        assert [row.p for row in rows] == expected
        assert {row.total for row in rows} <= {len(expected)}
        assert await db.ai_providers.count(**given) == len(expected)
    page = await db.ai_providers.search(is_active=True, limit=3, offset=4)
    assert [row.p.name for row in page] == ["p07", "p08", "p10"]
    assert page[0].total == 16
    active = await db.ai_providers.active()
    assert [p.name for p in active] == [p.name for p in made if p.is_active]


async def test_providers_come_with_their_newest_good_interactions(db: salacia.Database) -> None:
    rows = await load(db)
    (idle,) = await create(db, "idle")
    since = rows[0].created_at + timedelta(minutes=5)
    await db.ai_providers.update(id=(await create(db, "off"))[0], is_active=False)
    providers = {p.name: p for p in await db.ai_providers.active()}
    expected = []
    for name in ("first", "idle", "second"):
        mine = [
            row
            for row in reversed(rows)
            if row.provider_id == providers[name].id and row.error is None
        ]
        fitting = [row for row in mine if row.created_at >= since][:4]
        expected += [(providers[name], row) for row in fitting] or [(providers[name], None)]
    found = await db.ai_providers.with_interactions(since=since, per_provider=4)
    assert [(row.p, row.i) for row in found] == expected
    assert len(expected) == 9
    assert found[4].p.id == idle


# --- the default one ------------------------------------------------------------------------------


async def test_the_default_moves_and_both_that_changed_are_told(db: salacia.Database) -> None:
    first, second, third = await create(db, "a", "b", "c")
    assert await default(db) is None
    assert [p.id for p in await db.ai_providers.set_default(id=second)] == [second]
    told = await db.ai_providers.set_default(id=first)
    assert {p.id: p.is_default for p in told} == {first: True, second: False}
    assert await default(db) == "a"
    other = await db.ai_providers.get(id=third)
    assert other is not None
    assert other.updated_at == other.created_at, "who was not concerned was not touched"


async def test_a_default_that_does_not_exist_changes_nothing(db: salacia.Database) -> None:
    (only,) = await create(db, "a")
    await db.ai_providers.set_default(id=only)
    assert await db.ai_providers.set_default(id=UUID(int=1)) == []
    assert await default(db) == "a"


async def test_a_hundred_callers_race_and_the_last_one_wins(url: str) -> None:
    async with salacia.connect(url, profile="test", pool_max=10) as db:
        ids = await create(db, *(f"p{n}" for n in range(10)))

        async def race(number: int) -> bool:
            told = await db.ai_providers.set_default(id=ids[number % 10])
            return [p.id for p in told if p.is_default] == [ids[number % 10]]

        assert all(await asyncio.gather(*(race(n) for n in range(100))))
        rows = await db.ai_providers.search(is_default=True)
        assert len(rows) == 1


async def test_interactions_are_recorded_while_the_default_moves(db: salacia.Database) -> None:
    first, second = await create(db, "a", "b")
    async with db.unit_of_work() as uow:
        await uow.ai_providers.set_default(id=first)
        async with asyncio.timeout(5):
            await db.ai_interactions.create(model="m", request={}, provider_id=second)


async def test_the_default_provider_is_not_deleted(db: salacia.Database) -> None:
    first, second = await create(db, "a", "b")
    await db.ai_providers.set_default(id=first)
    interaction = await db.ai_interactions.create(model="m", request={}, provider_id=second)
    assert await db.ai_providers.delete(id=first) is None
    gone = await db.ai_providers.delete(id=second)
    assert gone is not None
    assert gone.id == second
    assert await db.ai_providers.delete(id=second) is None
    left = await db.ai_interactions.get_with_provider(id=interaction.id)
    assert left is not None
    assert (left.i.provider_id, left.p) == (None, None)


async def test_a_provider_that_becomes_the_default_meanwhile_is_not_deleted(
    db: salacia.Database,
) -> None:
    first, second = await create(db, "a", "b")
    async with db.unit_of_work() as uow:
        await uow.ai_providers.set_default(id=second)
        delete = asyncio.create_task(db.ai_providers.delete(id=second))
        await asyncio.sleep(0.1)
        assert not delete.done()
    assert await delete is None
    assert await default(db) == "b"
    assert await db.ai_providers.get(id=first) is not None
