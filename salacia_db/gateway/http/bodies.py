"""What requests ask for, and what answers hold, where that isn't a struct of the services."""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from msgspec import Meta, Struct

from salacia import AiProvider, AuthType
from salacia_db.gateway.arguments import Aware
from salacia_db.gateway.messages import MessageFilter, MessageSort
from salacia_db.gateway.providers import ProviderFilter, ProviderType

Limit: TypeAlias = Annotated[int, Meta(ge=1, le=100, description="How many at most.")]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Json: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool
Text: TypeAlias = Annotated[str, Meta(max_length=1000)]
Cursor: TypeAlias = Annotated[str, Meta(max_length=4000, description="A cursor of this list.")]


class SummaryQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Which messages are meant: those for which everything holds that is given."""

    model: Text | None = None
    provider_id: UUID | None = None
    since: Aware | None = None
    until: Aware | None = None
    failed: bool | None = None
    min_tokens: Count | None = None
    max_tokens: Count | None = None
    min_response_time_ms: Count | None = None
    max_response_time_ms: Count | None = None
    search: Text | None = None

    @property
    def filter(self) -> MessageFilter:
        """The filter as the services take it."""
        names = MessageFilter.__struct_fields__
        return MessageFilter(**{name: getattr(self, name) for name in names})


class MessageQuery(SummaryQuery, frozen=True, kw_only=True, rename="camel"):
    """A part of the list of messages."""

    sort: MessageSort = "newest"
    limit: Limit = 20
    after: Cursor | None = None
    before: Cursor | None = None


class ProviderQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A part of the list of providers."""

    type: ProviderType | None = None
    auth_type: AuthType | None = None
    is_active: bool | None = None
    is_default: bool | None = None
    limit: Limit = 50
    offset: Count = 0

    @property
    def filter(self) -> ProviderFilter:
        """The filter as the services take it."""
        return ProviderFilter(
            type=self.type,
            auth_type=self.auth_type,
            is_active=self.is_active,
            is_default=self.is_default,
        )


class NewMessage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """An exchange with a provider that is to be recorded."""

    model: Annotated[str, Meta(min_length=1, max_length=100)]
    request: Json
    response: Any | None = None
    provider_id: UUID | None = None
    error: str | None = None
    status_code: Count | None = None
    response_time_ms: Count | None = None


class Recorded(Struct, frozen=True):
    """The id of what was recorded."""

    id: UUID


class Provider(Struct, frozen=True, rename="camel"):
    """A service that answers chat requests. Its secrets can be set, and are never shown."""

    id: UUID
    name: str
    type: str
    auth_type: AuthType
    has_api_key: bool
    base_url: str | None
    models: Any | None
    settings: Any | None
    is_active: bool
    is_default: bool
    has_oauth_access_token: bool
    has_oauth_refresh_token: bool
    oauth_token_expires_at: datetime | None
    oauth_scope: str | None
    oauth_client_id: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: AiProvider) -> "Provider":
        """What may be shown of a provider."""
        return cls(
            id=row.id,
            name=row.name,
            type=row.type,
            auth_type=row.auth_type,
            has_api_key=row.api_key is not None,
            base_url=row.base_url,
            models=row.models,
            settings=row.settings,
            is_active=row.is_active,
            is_default=row.is_default,
            has_oauth_access_token=row.oauth_access_token is not None,
            has_oauth_refresh_token=row.oauth_refresh_token is not None,
            oauth_token_expires_at=row.oauth_token_expires_at,
            oauth_scope=row.oauth_scope,
            oauth_client_id=row.oauth_client_id,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class Providers(Struct, frozen=True):
    """Some of the providers, by name, and how many there are in all."""

    items: list[Provider]
    total: int


class Health(Struct, frozen=True, rename="camel"):
    """Whether the gateway works. Degraded: slowly."""

    status: Literal["healthy", "degraded", "unhealthy"]
    database_status: bool
    response_time_ms: int


class Failure(Struct, frozen=True):
    """Why a request was not carried out."""

    error: str
