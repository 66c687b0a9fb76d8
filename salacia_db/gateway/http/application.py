"""The application: endpoints, their unit of work, and who may ask."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from salacia import Database
from salacia_db.gateway.events import MessageEvents
from salacia_db.gateway.housekeeping import housekeeping
from salacia_db.gateway.http.access import LocalOnly, TokenRequired
from salacia_db.gateway.http.assets import page_routes
from salacia_db.gateway.http.calls import Services
from salacia_db.gateway.http.endpoints import ENDPOINTS
from salacia_db.gateway.http.failures import CONSTRAINTS, on_error
from salacia_db.gateway.http.feed import StatisticsFeed
from salacia_db.gateway.http.openapi import document
from salacia_db.gateway.http.request_log import Logged, RequestLog
from salacia_db.gateway.upkeep import Retention
from salacia_db.runtime import SalaciaError
from salacia_db.web import UnitOfWorkMiddleware, encode_json


def create_app(
    database: Database,
    *,
    token: str | None = None,
    events: MessageEvents | None = None,
    max_body: int = 4 * 1024 * 1024,
    heartbeat: float = 15.0,
    upkeep_every: timedelta | None = None,
    retention: Retention | None = None,
    request_log: bool = True,
    log_health: bool = False,
) -> Starlette:
    """The gateway as an ASGI application; it opens and closes the database with itself.

    With a `token` each request has to bring it but those for the health check and for the
    dashboard's own files, which hold no data; without one only requests to a local name are
    answered. `max_body` is bytes, `heartbeat` seconds. `upkeep_every` has it keep the house in the
    background, and delete what is older than `retention`. With `request_log` it records requests
    in `api_requests`, those for the health check only with `log_health`, those for the dashboard's
    files never. `app.state.closing` is an `asyncio.Event`: a server that stops sets it, so that
    streams end.
    """
    keep = retention or Retention()
    following = MessageEvents(database, keep=keep.events) if events is None else events
    figures = StatisticsFeed(database, following)
    closing = asyncio.Event()
    services = Services(database, following, figures, heartbeat, max_body, closing)
    described = encode_json(document(ENDPOINTS, secured=token is not None))

    async def openapi(_: Request) -> Response:
        return Response(described, media_type="application/json")

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncGenerator[None]:
        async with (
            database,
            log or nullcontext(),
            following,
            housekeeping(database, upkeep_every, keep),
        ):
            yield

    page = page_routes()
    files = frozenset(route.path for route in page)
    log = RequestLog(database) if request_log else None
    unlogged = files if log_health else files | {"/api/health"}
    logged = [] if log is None else [Middleware(Logged, log=log, unlogged=unlogged)]
    guard = (
        Middleware(LocalOnly)
        if token is None
        else Middleware(TokenRequired, token=token, free=files | {"/api/health"})
    )
    unit = Middleware(UnitOfWorkMiddleware, database=database, constraints=CONSTRAINTS)
    app = Starlette(
        routes=[
            *(endpoint.route(services) for endpoint in ENDPOINTS),
            Route("/api/openapi.json", openapi),
            *page,
        ],
        middleware=[*logged, guard, unit],
        exception_handlers={
            HTTPException: on_error,
            SalaciaError: on_error,
            Exception: on_error,
        },
        lifespan=lifespan,
    )
    app.state.closing = closing
    return app
