"""Logging what the gateway does: exchanges with providers, and requests that it answered.

Logging never breaks what it logs. Whatever goes wrong here is reported to the logger
`salacia_db.gateway`, without values, and goes no further; only a cancellation does. What PostgreSQL
couldn't store is replaced or cut rather than refused. In a unit of work each call is a nested one,
so that a failure doesn't spoil the rest; but then the log is rolled back with the unit, and a
connection that breaks ends both, so rather give the database.
"""

import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from salacia import Queries
from salacia.api_requests import ApiRequestsCreateManyInput
from salacia_db.gateway import redaction, storable
from salacia_db.gateway.errors import Missing
from salacia_db.gateway.tokens import tokens_of
from salacia_db.gateway.units import apart
from salacia_db.runtime import ForeignKeyViolation, SalaciaError, uuid7

_log = logging.getLogger("salacia_db.gateway")


async def interaction(
    queries: Queries,
    *,
    model: str,
    request: Any,
    response: Any | None = None,
    provider_id: UUID | None = None,
    error: str | None = None,
    status_code: int | None = None,
    response_time_ms: float | None = None,
    id: UUID | None = None,
) -> UUID:
    """Records an exchange with a provider, and returns its id, whether or not that succeeded.

    Token counts come from the response's `usage`. A streamed exchange is recorded without a
    response, which `complete` adds. The id may be given, so that it is known beforehand.
    """
    key = uuid7() if id is None else id
    with _reported("an interaction"):
        await record(
            queries,
            model=model,
            request=request,
            response=response,
            provider_id=provider_id,
            error=error,
            status_code=status_code,
            response_time_ms=response_time_ms,
            id=key,
        )
    return key


async def record(
    queries: Queries,
    *,
    model: str,
    request: Any,
    response: Any | None = None,
    provider_id: UUID | None = None,
    error: str | None = None,
    status_code: int | None = None,
    response_time_ms: float | None = None,
    id: UUID | None = None,
) -> UUID:
    """Records an exchange as `interaction` does, and raises what goes wrong."""
    key = uuid7() if id is None else id
    values: dict[str, Any] = {
        "model": storable.text(model, 100),
        "request": storable.json(request),
        **_ending(response, error, status_code, response_time_ms),
    }
    try:
        async with apart(queries) as own:
            await own.ai_interactions.create(id=key, provider_id=provider_id, **values)
    except ForeignKeyViolation:
        # The provider was deleted meanwhile, and its interactions stay without one.
        async with apart(queries) as own:
            await own.ai_interactions.create(id=key, **values)
    return key


async def complete(
    queries: Queries,
    id: UUID,
    *,
    response: Any | None = None,
    error: str | None = None,
    status_code: int | None = None,
    response_time_ms: float | None = None,
) -> None:
    """Adds what a streamed exchange ended with, in place; what is None stays as it was."""
    with _reported("the end of an interaction"):
        values = _ending(response, error, status_code, response_time_ms)
        async with apart(queries) as own:
            if await own.ai_interactions.complete(id=id, **values) is None:
                raise Missing("interaction")


class AnsweredRequest(Struct, frozen=True, kw_only=True):
    """A request and its answer, as `api_request` takes them, and when it arrived."""

    arrived: datetime
    method: str
    path: str
    headers: redaction.Headers | None = None
    query: Any | None = None
    body: Any | None = None
    user_agent: str | None = None
    ip_address: str | None = None
    status_code: int | None = None
    response_time_ms: float | None = None
    response_size_bytes: int | None = None


async def api_request(
    queries: Queries,
    *,
    method: str,
    path: str,
    headers: redaction.Headers | None = None,
    query: Any | None = None,
    body: Any | None = None,
    user_agent: str | None = None,
    ip_address: str | None = None,
    status_code: int | None = None,
    response_time_ms: float | None = None,
    response_size_bytes: int | None = None,
) -> UUID:
    """Records a request that the gateway answered, and returns its id, as `interaction` does.

    Headers, and fields of query and body, that carry a key or a credential are left out. The path
    ends at its `?`. Without `user_agent` that of the headers is taken.
    """
    key = uuid7()
    with _reported("a request"):
        request = AnsweredRequest(
            arrived=datetime.now(UTC),
            method=method,
            path=path,
            headers=headers,
            query=query,
            body=body,
            user_agent=user_agent,
            ip_address=ip_address,
            status_code=status_code,
            response_time_ms=response_time_ms,
            response_size_bytes=response_size_bytes,
        )
        async with apart(queries) as own:
            await own.api_requests.create(id=key, **_columns(request))
    return key


async def api_requests(queries: Queries, requests: Sequence[AnsweredRequest]) -> None:
    """Records many requests at once as `api_request` does each: all of them or none."""
    with _reported(f"a batch of {len(requests)} requests"):
        rows = [
            ApiRequestsCreateManyInput(created_at=each.arrived, **_columns(each))
            for each in requests
        ]
        async with apart(queries) as own:
            await own.api_requests.create_many(rows)


def _columns(request: AnsweredRequest) -> dict[str, Any]:
    """The columns of a request, without what carries a key or a credential."""
    headers = None if request.headers is None else redaction.headers(request.headers)
    agent = request.user_agent
    if agent is None and headers:
        agent = headers.get("user-agent")
    return {
        "method": (storable.text(request.method, 10) or "").upper(),
        "path": storable.text(redaction.text(request.path.partition("?")[0]), 500) or "",
        "headers": storable.json(headers),
        "query": storable.json(redaction.json(request.query)),
        "body": storable.json(redaction.json(request.body)),
        "user_agent": storable.text(agent, 500),
        "ip_address": storable.text(request.ip_address, 45),
        "status_code": storable.number(request.status_code),
        "response_time_ms": storable.number(request.response_time_ms),
        "response_size_bytes": storable.number(request.response_size_bytes),
    }


def _ending(
    response: Any | None,
    error: str | None,
    status_code: int | None,
    response_time_ms: float | None,
) -> dict[str, Any]:
    """The columns that say how an exchange ended."""
    tokens = tokens_of(response)
    return {
        "response": storable.json(response),
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.completion,
        "total_tokens": tokens.total,
        "response_time_ms": storable.number(response_time_ms),
        "status_code": storable.number(status_code),
        "error": None if error is None else storable.text(redaction.text(error)),
    }


@contextmanager
def _reported(what: str) -> Generator[None]:
    try:
        yield
    except Exception as error:
        # Only our own errors are known to show no value.
        told = f": {error}" if isinstance(error, SalaciaError) else ""
        _log.error("%s was not recorded: %s%s", what, type(error).__name__, told)
