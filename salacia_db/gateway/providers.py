"""Providers: setting them up, changing them, and which of them is the default one."""

from typing import Annotated, Any, Literal, TypeAlias, get_args
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict

from salacia import AiInteraction, AiProvider, AuthType, Queries
from salacia_db.gateway.arguments import Aware, at_least, identifier, moment, page_limit
from salacia_db.gateway.errors import Conflict, Missing, invalid
from salacia_db.gateway.messages import NEWEST
from salacia_db.gateway.units import apart, atomic
from salacia_db.runtime import Condition, ExclusionViolation, Secret, reveal

ProviderType: TypeAlias = Literal["openai", "anthropic", "groq", "ollama"]
"""The protocol that a provider speaks."""

_ATTEMPTS = 20

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100)]
Url: TypeAlias = Annotated[str, Meta(max_length=500)]
Scope: TypeAlias = Annotated[str, Meta(max_length=500)]
ClientId: TypeAlias = Annotated[str, Meta(max_length=255)]


class ProviderFilter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Which providers are meant: those for which everything holds that is given."""

    type: ProviderType | None = None
    auth_type: AuthType | None = None
    is_active: bool | None = None
    is_default: bool | None = None


class NewProvider(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A provider that is to be set up; the fields are those of `AiProvider`."""

    name: Name
    type: ProviderType
    auth_type: AuthType = AuthType.API_KEY
    api_key: Secret[str] | None = None
    base_url: Url | None = None
    models: list[str] | None = None
    settings: dict[str, Any] | None = None
    is_active: bool = True
    is_default: bool = False
    oauth_access_token: Secret[str] | None = None
    oauth_refresh_token: Secret[str] | None = None
    oauth_token_expires_at: Aware | None = None
    oauth_scope: Scope | None = None
    oauth_client_id: ClientId | None = None


class ProviderPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What is to change of a provider: what is left out stays, what is None becomes null."""

    name: Name | UnsetType = UNSET
    type: ProviderType | UnsetType = UNSET
    auth_type: AuthType | UnsetType = UNSET
    api_key: Secret[str] | UnsetType | None = UNSET
    base_url: Url | UnsetType | None = UNSET
    models: list[str] | UnsetType | None = UNSET
    settings: dict[str, Any] | UnsetType | None = UNSET
    is_active: bool | UnsetType = UNSET
    oauth_access_token: Secret[str] | UnsetType | None = UNSET
    oauth_refresh_token: Secret[str] | UnsetType | None = UNSET
    oauth_token_expires_at: Aware | UnsetType | None = UNSET
    oauth_scope: Scope | UnsetType | None = UNSET
    oauth_client_id: ClientId | UnsetType | None = UNSET


class ProviderList(Struct, frozen=True, kw_only=True, rename="camel"):
    """Providers by name, and how many match in all."""

    items: list[AiProvider]
    total: int


class ProviderWithInteractions(Struct, frozen=True):
    """A provider and its newest interactions, of those that were meant."""

    provider: AiProvider
    interactions: list[AiInteraction]


ALL = ProviderFilter()
"""The filter that lets every provider through."""


async def search(
    queries: Queries, where: ProviderFilter = ALL, *, limit: int = 50, offset: int = 0
) -> ProviderList:
    """Providers by name, some of them, with the total. `limit` is 1 to 100.

    Raises `InvalidArgument`.
    """
    page_limit(limit)
    at_least(0, offset, "offset")
    given: dict[str, Any] = asdict(where)
    rows = await queries.ai_providers.search(**given, limit=limit, offset=offset)
    # Behind the last row there is none that carries the total.
    total = rows[0].total if rows else await queries.ai_providers.count(**given) if offset else 0
    return ProviderList(items=[row.p for row in rows], total=total)


async def active(queries: Queries) -> list[AiProvider]:
    """The providers that requests may go to, by name."""
    return await queries.ai_providers.active()


async def default(queries: Queries) -> AiProvider | None:
    """The provider that answers requests which name none; None where no default is set."""
    return await queries.ai_providers.get_default()


async def get(queries: Queries, id: UUID | str) -> AiProvider:
    """One provider. Raises `InvalidArgument` for what is no UUID, `Missing` where there is none."""
    return _there(await queries.ai_providers.get(id=identifier(id)))


async def create(queries: Queries, new: NewProvider) -> AiProvider:
    """Sets up a provider; where it is to be the default one, it becomes so in the same step.

    Raises `InvalidArgument` where the name is blank or too long, the type unknown, or the API key
    missing that `api_key` needs unless the type is `ollama`; `UniqueViolation` where the name is
    taken; `CheckViolation` where `models` or `settings` aren't what they have to be.
    """
    given: dict[str, Any] = asdict(new)
    _check(given)
    keyed = new.auth_type == AuthType.API_KEY and new.type != "ollama"
    # Nothing but a type checker has asked for a `Secret`.
    if keyed and not (reveal(new.api_key) or "").strip():
        raise invalid("api_key", "given, since this type of provider is opened by one")
    if not given.pop("is_default"):
        return await queries.ai_providers.create(**given)
    async with atomic(queries) as unit:
        made = await unit.ai_providers.create(**given)
        return await set_default(unit, made.id)


async def update(queries: Queries, id: UUID | str, patch: ProviderPatch) -> AiProvider:
    """Changes what is given, and returns the provider as it is now.

    Raises as `create` and `get` do; a key that is there can be taken away.
    """
    given: dict[str, Any] = asdict(patch)
    _check(given)
    return _there(await queries.ai_providers.update(id=identifier(id), **given))


async def delete(queries: Queries, id: UUID | str) -> AiProvider:
    """Deletes a provider and returns what it was; its interactions stay, without one.

    Raises `Conflict` for the default one, `Missing` where there is none, `InvalidArgument`.
    """
    key = identifier(id)
    gone = await queries.ai_providers.delete(id=key)
    if gone is None:
        _there(await queries.ai_providers.get(id=key))
        raise Conflict("the default provider is not deleted: make another one the default first")
    return gone


async def set_default(queries: Queries, id: UUID | str) -> AiProvider:
    """Makes a provider the default one, and the one before no longer, in one statement.

    Callers who race follow one another, and the last one wins. Raises `Missing` where there is no
    such provider, and then nothing changes; `InvalidArgument`.
    """
    key = identifier(id)
    left = _ATTEMPTS
    while True:
        left -= 1
        try:
            async with apart(queries) as own:
                changed = await own.ai_providers.set_default(id=key)
            break
        except ExclusionViolation:
            # A provider that was created as the default while this waited is not among those that
            # the statement saw; the next one sees it.
            if left == 0:
                raise
    return _there(next((provider for provider in changed if provider.id == key), None))


async def with_interactions(
    queries: Queries,
    where: ProviderFilter = ALL,
    *,
    interactions: Condition | None = None,
    per_provider: int = 10,
    limit: int = 50,
    offset: int = 0,
) -> list[ProviderWithInteractions]:
    """Providers by name, each with its newest interactions (has many), those that are meant.

    A provider without any has an empty list. Two statements, however many rows. `per_provider` and
    `limit` are 1 to 100. Raises `InvalidArgument`.
    """
    page_limit(per_provider, "per_provider")
    found = (await search(queries, where, limit=limit, offset=offset)).items
    loaded = await queries.relations.ai_providers.load_interactions(
        found, where=interactions, order_by=NEWEST, limit=per_provider
    )
    return [ProviderWithInteractions(*pair) for pair in zip(found, loaded, strict=True)]


def _there(provider: AiProvider | None) -> AiProvider:
    if provider is None:
        raise Missing("provider")
    return provider


def _check(given: dict[str, Any]) -> None:
    """What the database would refuse less clearly, or take for left out. Values are not shown."""
    name, type_ = given["name"], given["type"]
    if name is not UNSET and not (isinstance(name, str) and name.strip() and len(name) <= 100):
        raise invalid("name", "a text of 1 to 100 characters, not all of them blank")
    if type_ is not UNSET and type_ not in get_args(ProviderType):
        raise invalid("type", "one of " + ", ".join(map(repr, get_args(ProviderType))))
    if given["auth_type"] is not UNSET and given["auth_type"] not in list(AuthType):
        raise invalid("auth_type", "one of " + ", ".join(repr(str(each)) for each in AuthType))
    if given["oauth_token_expires_at"] is not UNSET:
        moment(given["oauth_token_expires_at"], "oauth_token_expires_at")
    if given["is_active"] is None:
        raise invalid("is_active", "given or left out: it can't be null")
