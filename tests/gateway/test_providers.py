"""Providers as the gateway's services give them: what is refused, partial updates, the default."""

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import asdict, fields

import salacia
from salacia_db.gateway import (
    Conflict,
    Missing,
    NewProvider,
    ProviderFilter,
    ProviderPatch,
    providers,
)
from salacia_db.runtime import (
    UNSET,
    CheckViolation,
    ExclusionViolation,
    InvalidArgument,
    Secret,
    UniqueViolation,
    uuid7,
)

t = salacia.tables.ai_interactions


async def ollama(db: salacia.Queries, name: str, **values: Any) -> salacia.AiProvider:
    return await providers.create(db, NewProvider(name=name, type="ollama", **values))


async def default(db: salacia.Database) -> str | None:
    found = await providers.default(db)
    return None if found is None else found.name


# --- setting up -----------------------------------------------------------------------------------


async def test_a_provider_is_set_up_with_everything_that_is_given(db: salacia.Database) -> None:
    new = NewProvider(
        name="OpenAI",
        type="openai",
        api_key=Secret("sk-1"),
        base_url="https://api.example",
        models=["gpt-4"],
        settings={"timeout": 30},
        is_active=False,
        oauth_scope="chat",
    )
    made = await providers.create(db, new)
    assert {name: getattr(made, name) for name in asdict(new)} == asdict(new)
    assert await providers.get(db, made.id) == made
    assert await providers.get(db, str(made.id)) == made


def test_new_providers_and_patches_have_the_fields_of_the_table() -> None:
    own = {"id", "created_at", "updated_at"}
    known = set(salacia.AiProvider.__struct_fields__) - own
    assert set(NewProvider.__struct_fields__) == known
    assert set(ProviderPatch.__struct_fields__) == known - {"is_default"}


@pytest.mark.parametrize(
    ("values", "parameter"),
    [
        ({"name": ""}, "name"),
        ({"name": " \t"}, "name"),
        ({"name": "n" * 101}, "name"),
        ({"name": None}, "name"),
        ({"type": "gemini"}, "type"),
        ({"type": None}, "type"),
        ({"auth_type": None}, "auth_type"),
        ({"auth_type": "password"}, "auth_type"),
        ({"is_active": None}, "is_active"),
        ({"api_key": None}, "api_key"),
        ({"api_key": Secret("")}, "api_key"),
        ({"api_key": Secret("  ")}, "api_key"),
        ({"base_url": 7}, "base_url"),
        ({"oauth_token_expires_at": datetime(2030, 1, 1)}, "oauth_token_expires_at"),
    ],
)
async def test_what_no_provider_can_be_is_told_by_its_name(
    db: salacia.Database, values: dict[str, Any], parameter: str
) -> None:
    good: dict[str, Any] = {"name": "n" * 100, "type": "openai", "api_key": Secret("sk-1")}
    with pytest.raises(InvalidArgument) as caught:
        await providers.create(db, NewProvider(**(good | values)))
    assert caught.value.parameter == parameter
    assert (await providers.search(db)).total == 0
    await providers.create(db, NewProvider(**good))


@pytest.mark.parametrize(
    ("type_", "auth_type", "required"),
    [
        ("openai", salacia.AuthType.API_KEY, True),
        ("anthropic", salacia.AuthType.API_KEY, True),
        ("groq", salacia.AuthType.API_KEY, True),
        ("ollama", salacia.AuthType.API_KEY, False),
        ("openai", salacia.AuthType.OAUTH, False),
        ("ollama", salacia.AuthType.OAUTH, False),
    ],
)
async def test_a_key_is_required_where_one_opens_the_provider(
    db: salacia.Database, type_: Any, auth_type: salacia.AuthType, required: bool
) -> None:
    new = NewProvider(name="n", type=type_, auth_type=auth_type)
    if required:
        with pytest.raises(InvalidArgument, match="`api_key` has to be given"):
            await providers.create(db, new)
    else:
        assert (await providers.create(db, new)).api_key is None


async def test_a_key_that_comes_as_plain_text_is_kept_as_a_secret(db: salacia.Database) -> None:
    key: Any = "sk-1"
    made = await providers.create(db, NewProvider(name="n", type="openai", api_key=key))
    assert made.api_key == Secret("sk-1")


async def test_what_the_database_refuses_is_told_by_its_constraint(db: salacia.Database) -> None:
    await ollama(db, "taken")
    with pytest.raises(UniqueViolation) as twice:
        await ollama(db, "taken")
    assert twice.value.constraint == "ai_providers_name_key"
    with pytest.raises(CheckViolation):
        await ollama(db, "models", models=[1])


async def test_no_key_shows_in_what_is_printed_or_raised(db: salacia.Database) -> None:
    key = "sk-very-secret-indeed"
    new = NewProvider(name="OpenAI", type="openai", api_key=Secret(key))
    made = await providers.create(db, new)
    patch = ProviderPatch(api_key=Secret(key), oauth_access_token=Secret(key))
    shown = [repr(new), repr(made), repr(patch), str(await providers.search(db))]
    for call in (providers.create(db, new), providers.update(db, uuid7(), patch)):
        with pytest.raises((UniqueViolation, Missing)) as caught:
            await call
        shown += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
    assert key not in "".join(shown)


# --- changing -------------------------------------------------------------------------------------


async def test_a_field_left_out_stays_and_a_field_of_none_becomes_null(
    db: salacia.Database,
) -> None:
    made = await ollama(db, "first", base_url="https://a.example", models=["llama3"])
    changed = await providers.update(db, made.id, ProviderPatch(name="second", base_url=None))
    assert (changed.name, changed.base_url, changed.models) == ("second", None, ["llama3"])
    assert await providers.update(db, str(made.id), ProviderPatch()) == changed


@pytest.mark.parametrize("field", [f.name for f in fields(ProviderPatch)])
async def test_none_is_null_for_each_field_or_refused(db: salacia.Database, field: str) -> None:
    full: dict[str, Any] = {
        "api_key": Secret("k"),
        "base_url": "https://a.example",
        "models": [],
        "settings": {},
        "oauth_access_token": Secret("a"),
        "oauth_refresh_token": Secret("r"),
        "oauth_scope": "chat",
        "oauth_client_id": "me",
    }
    made = await ollama(db, "full", **full)
    patch = ProviderPatch(**{field: None})  # type: ignore[arg-type]
    if field in ("name", "type", "auth_type", "is_active"):
        with pytest.raises(InvalidArgument) as caught:
            await providers.update(db, made.id, patch)
        assert caught.value.parameter == field
        assert await providers.get(db, made.id) == made
    else:
        changed = await providers.update(db, made.id, patch)
        expected = asdict(made) | {field: None, "updated_at": changed.updated_at}
        assert asdict(changed) == expected


async def test_a_patch_of_what_is_not_there_is_missing(db: salacia.Database) -> None:
    for patch in (ProviderPatch(name="x"), ProviderPatch()):
        with pytest.raises(Missing, match="no such provider"):
            await providers.update(db, uuid7(), patch)
    with pytest.raises(InvalidArgument):
        await providers.update(db, "nonsense", ProviderPatch(name="x"))


def test_a_patch_is_made_of_json_in_which_null_and_absent_differ() -> None:
    import msgspec

    def secret(type_: Any, value: Any) -> Any:
        return Secret(value)

    patch = msgspec.json.decode(
        b'{"baseUrl": null, "apiKey": "k", "isActive": false}',
        type=ProviderPatch,
        dec_hook=secret,
    )
    assert patch == ProviderPatch(base_url=None, api_key=Secret("k"), is_active=False)
    assert patch.name is UNSET
    for bad in (b'{"name": null}', b'{"name": ""}', b'{"type": "x"}', b'{"apikey": "k"}'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(bad, type=ProviderPatch, dec_hook=secret)


# --- lists ----------------------------------------------------------------------------------------


async def test_a_list_has_its_total_on_every_page_and_behind_the_last(
    db: salacia.Database,
) -> None:
    made = [await ollama(db, f"p{n}", is_active=n % 2 == 0) for n in range(5)]
    where = ProviderFilter(is_active=True)
    found = await providers.search(db, where, limit=2, offset=1)
    assert (found.items, found.total) == ([made[2], made[4]], 3)
    beyond = await providers.search(db, where, limit=2, offset=3)
    assert (beyond.items, beyond.total) == ([], 3)
    assert (await providers.search(db, ProviderFilter(type="groq"))).total == 0
    assert [p.name for p in await providers.active(db)] == ["p0", "p2", "p4"]
    bad: dict[str, Any]
    for bad in ({"limit": 0}, {"limit": 101}, {"offset": -1}, {"offset": "1"}):
        with pytest.raises(InvalidArgument):
            await providers.search(db, **bad)


async def test_providers_come_with_their_interactions_each_filtered(db: salacia.Database) -> None:
    busy, idle = await ollama(db, "busy"), await ollama(db, "idle")
    off = await ollama(db, "off", is_active=False)
    rows = [
        await db.ai_interactions.create(
            model="m", request={}, provider_id=p, error="e" if n == 1 else None
        )
        for n, p in enumerate([busy.id, busy.id, busy.id, off.id, None])
    ]
    found = await providers.with_interactions(
        db, ProviderFilter(is_active=True), interactions=t.error.isnull()
    )
    assert [(each.provider, each.interactions) for each in found] == [
        (busy, [rows[2], rows[0]]),
        (idle, []),
    ]
    newest = await providers.with_interactions(db, per_provider=1)
    assert [each.interactions for each in newest] == [[rows[2]], [], [rows[3]]]
    with pytest.raises(InvalidArgument, match="per_provider"):
        await providers.with_interactions(db, per_provider=0)


# --- the default one ------------------------------------------------------------------------------


async def test_the_default_moves(db: salacia.Database) -> None:
    first, second = await ollama(db, "first"), await ollama(db, "second")
    assert await default(db) is None
    assert (await providers.set_default(db, first.id)).is_default
    assert (await providers.set_default(db, str(second.id))).is_default
    assert (await providers.set_default(db, second.id)).is_default, "it may be so already"
    assert (await providers.search(db, ProviderFilter(is_default=True))).total == 1
    assert await default(db) == "second"
    with pytest.raises(Missing):
        await providers.set_default(db, uuid7())
    assert await default(db) == "second"


async def test_a_new_provider_can_be_the_default_one_at_once(db: salacia.Database) -> None:
    assert (await ollama(db, "first", is_default=True)).is_default
    assert (await ollama(db, "second", is_default=True)).is_default
    assert await default(db) == "second"
    with pytest.raises(UniqueViolation):
        await ollama(db, "first", is_default=True)
    assert await default(db) == "second", "all of it or nothing"
    with pytest.raises(ExclusionViolation):
        await db.ai_providers.create(name="third", type="ollama", is_default=True)
    async with db.unit_of_work() as uow:
        await ollama(uow, "third", is_default=True)
        await uow.rollback()
    assert await default(db) == "second"


async def test_a_hundred_callers_race_for_the_default_and_there_is_always_one(url: str) -> None:
    async with salacia.connect(url, profile="test", pool_max=10) as db:
        made = [await ollama(db, f"p{n}") for n in range(10)]
        await providers.set_default(db, made[0].id)

        async def race(number: int) -> bool:
            chosen = made[number % 10]
            if number % 10 == 3:
                new = await ollama(db, f"new {number}", is_default=True)
                return new.is_default
            moved = await providers.set_default(db, chosen.id)
            return moved.is_default and moved.id == chosen.id

        async def watch() -> bool:
            where = ProviderFilter(is_default=True)
            return {(await providers.search(db, where)).total for _ in range(50)} == {1}

        assert all(await asyncio.gather(*(race(n) for n in range(100)), watch()))
        assert (await providers.search(db, ProviderFilter(is_default=True))).total == 1


async def test_the_default_provider_is_not_deleted(db: salacia.Database) -> None:
    first, second = await ollama(db, "first"), await ollama(db, "second", is_default=True)
    with pytest.raises(Conflict, match="default provider is not deleted"):
        await providers.delete(db, second.id)
    assert await providers.delete(db, str(first.id)) == first
    with pytest.raises(Missing):
        await providers.delete(db, first.id)
    with pytest.raises(InvalidArgument):
        await providers.delete(db, "nonsense")


def test_filters_come_from_json_names() -> None:
    import msgspec

    query = json.loads('{"authType": "oauth", "isActive": "true"}')
    assert msgspec.convert(query, ProviderFilter, strict=False) == ProviderFilter(
        auth_type=salacia.AuthType.OAUTH, is_active=True
    )
