"""What the contenders without models of their own make of rows."""

import datetime as dt
from typing import Any
from uuid import UUID

from msgspec import Struct


class Provider(Struct):
    id: UUID
    name: str
    type: str
    api_key: str | None
    base_url: str | None
    models: Any
    settings: Any
    is_active: bool
    is_default: bool
    created_at: dt.datetime
    updated_at: dt.datetime


class Interaction(Struct):
    id: UUID
    provider_id: UUID | None
    model: str
    request: Any
    response: Any
    prompt_tokens: int | None
    completion_tokens: int | None
    total_tokens: int | None
    response_time_ms: int | None
    status_code: int | None
    error: str | None
    created_at: dt.datetime
    provider: Provider | None = None


class Slim(Struct):
    """An interaction without its two jsonb columns."""

    id: UUID
    provider_id: UUID | None
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None
    total_tokens: int | None
    response_time_ms: int | None
    status_code: int | None
    error: str | None
    created_at: dt.datetime


PROVIDER = Provider.__struct_fields__
INTERACTION = Interaction.__struct_fields__[:-1]
SLIM = Slim.__struct_fields__
# What a caller gives; the others have defaults.
NEW = tuple(name for name in INTERACTION if name not in ("id", "created_at"))
# What W8 gives for a provider, beside its name.
NEW_PROVIDER = {
    "type": "openai",
    "base_url": "https://api.example.com/v1",
    "settings": {"retries": 2},
}
