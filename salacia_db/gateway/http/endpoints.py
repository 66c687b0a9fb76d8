"""The endpoints of the gateway: each asks a service, and says what comes of it."""

from collections.abc import AsyncGenerator
from typing import Any

from starlette.responses import Response

from salacia import ForwardedMessage, Summary
from salacia_db.gateway import health, logging, messages, providers, statistics
from salacia_db.gateway.arguments import identifier
from salacia_db.gateway.errors import Missing
from salacia_db.gateway.http.bodies import (
    Health,
    MessageQuery,
    NewMessage,
    Provider,
    ProviderQuery,
    Providers,
    Recorded,
    SummaryQuery,
)
from salacia_db.gateway.http.calls import Call, Endpoint
from salacia_db.gateway.http.streams import EventStream
from salacia_db.gateway.messages import MessageList
from salacia_db.gateway.providers import NewProvider, ProviderPatch
from salacia_db.gateway.statistics import Dashboard
from salacia_db.gateway.wire import camel, camel_class
from salacia_db.web import encode_json

STREAM = "text/event-stream"


async def show_health(call: Call) -> Response:
    """Whether the gateway works; each look is recorded."""
    found = await health.check(call.database)
    seen = {"status": found.status, "databaseStatus": found.database_status}
    body = encode_json({**seen, "responseTimeMs": found.response_time_ms})
    status = 503 if found.status == "unhealthy" else 200
    return Response(body, status, media_type="application/json")


async def list_messages(call: Call) -> Any:
    """Messages next to each other, in the order asked for, behind a cursor or before one."""
    query: MessageQuery = call.query
    found = await messages.browse(
        call.database,
        query.filter,
        sort=query.sort,
        limit=query.limit,
        after=query.after,
        before=query.before,
    )
    return camel(found)


async def show_message(call: Call) -> Any:
    """One message with all that was sent and received."""
    found = await call.database.messages.forward(id=identifier(call.id))
    if found is None:
        raise Missing("message")
    return camel(found)


async def record_message(call: Call) -> Recorded:
    """Records an exchange with a provider; token counts come from the response."""
    new: NewMessage = call.body
    made = await logging.record(
        call.database,
        model=new.model,
        request=new.request,
        response=new.response,
        provider_id=new.provider_id,
        error=new.error,
        status_code=new.status_code,
        response_time_ms=new.response_time_ms,
    )
    return Recorded(made)


async def follow_messages(call: Call) -> Response:
    """Messages as they are recorded and changed: `message:created`, `message:updated`, `gap`."""
    after = call.request.headers.get("last-event-id")
    return _stream(call, _message_frames(call, after))


async def _message_frames(call: Call, after: str | None) -> AsyncGenerator[bytes]:
    events = call.services.events
    async with await events.subscribe(after) as batches:
        # From here on a client that comes back can say where it was.
        yield b"retry: 1000\n\n" if after else f"retry: 1000\nid: {events.position}\n\n".encode()
        async for batch in batches:
            yield batch.frame


async def list_providers(call: Call) -> Providers:
    """Providers by name."""
    query: ProviderQuery = call.query
    found = await providers.search(
        call.database, query.filter, limit=query.limit, offset=query.offset
    )
    return Providers([Provider.of(row) for row in found.items], found.total)


async def show_provider(call: Call) -> Provider:
    """One provider."""
    return Provider.of(await providers.get(call.database, call.id))


async def create_provider(call: Call) -> Provider:
    """Sets up a provider."""
    return Provider.of(await providers.create(call.unit, call.body))


async def update_provider(call: Call) -> Provider:
    """Changes what is given of a provider: what is left out stays, null becomes null."""
    return Provider.of(await providers.update(call.unit, call.id, call.body))


async def delete_provider(call: Call) -> None:
    """Deletes a provider, unless it is the default one; its messages stay."""
    await providers.delete(call.unit, call.id)


async def make_default(call: Call) -> Provider:
    """Makes a provider the default one, and the one before no longer."""
    return Provider.of(await providers.set_default(call.unit, call.id))


async def show_statistics(call: Call) -> Any:
    """What a dashboard shows: periods, the last 24 hours by hour, and the top models."""
    return camel(await statistics.dashboard(call.database))


async def summarize(call: Call) -> Any:
    """The figures of the messages that match."""
    query: SummaryQuery = call.query
    return camel(await statistics.summary(call.database, query.filter))


async def follow_statistics(call: Call) -> Response:
    """The figures of a dashboard, as they change: `statistics`."""
    return _stream(call, call.services.figures.frames())


def _stream(call: Call, frames: AsyncGenerator[bytes]) -> Response:
    return EventStream(frames, call.services.heartbeat, call.services.closing)


ENDPOINTS = (
    Endpoint("GET", "/api/health", show_health, Health, errors=(503,)),
    Endpoint("GET", "/api/messages", list_messages, camel_class(MessageList), query=MessageQuery),
    Endpoint("POST", "/api/messages", record_message, Recorded, 201, body=NewMessage),
    Endpoint(
        "GET", "/api/messages/{id}", show_message, camel_class(ForwardedMessage), errors=(404,)
    ),
    Endpoint("GET", "/api/providers", list_providers, Providers, query=ProviderQuery),
    Endpoint(
        "POST", "/api/providers", create_provider, Provider, 201, body=NewProvider, errors=(409,)
    ),
    Endpoint("GET", "/api/providers/{id}", show_provider, Provider, errors=(404,)),
    Endpoint(
        "PATCH",
        "/api/providers/{id}",
        update_provider,
        Provider,
        body=ProviderPatch,
        errors=(404, 409),
    ),
    Endpoint("DELETE", "/api/providers/{id}", delete_provider, None, 204, errors=(404, 409)),
    Endpoint("POST", "/api/providers/{id}/default", make_default, Provider, errors=(404,)),
    Endpoint("GET", "/api/statistics", show_statistics, camel_class(Dashboard)),
    Endpoint("GET", "/api/statistics/summary", summarize, camel_class(Summary), query=SummaryQuery),
    Endpoint("GET", "/api/events/messages", follow_messages, STREAM),
    Endpoint("GET", "/api/events/statistics", follow_statistics, STREAM),
)
