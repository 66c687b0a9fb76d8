"""One small application, written for each framework."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Depends, FastAPI
from fastapi import HTTPException as FastAPIHTTPException
from fastapi.responses import StreamingResponse as FastAPIStreaming
from litestar import Litestar, get, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException as LitestarHTTPException
from litestar.params import FromPath, JSONBody
from litestar.response import Stream
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

import salacia
from salacia_db import NotFound, Secret
from salacia_db.web import UnitOfWorkMiddleware, current_unit, decode_other, lifespan
from salacia_db.web.fastapi import Json, unit_of_work
from salacia_db.web.litestar import SalaciaPlugin
from salacia_db.web.starlette import StructResponse

CONSTRAINTS = {"ai_providers_name_key": "the name is taken"}


class NewProvider(msgspec.Struct, forbid_unknown_fields=True):
    """A provider as it is made known."""

    name: str
    api_key: Secret[str] | None = None


class Refused(Exception):
    """Nothing that salacia_db knows."""


async def add(
    uow: salacia.UnitOfWork, name: str, api_key: Secret[str] | None = None, **values: Any
) -> salacia.AiProvider:
    return await uow.ai_providers.create(name=name, type="ollama", api_key=api_key, **values)


async def find(uow: salacia.UnitOfWork, id: UUID) -> salacia.AiProvider:
    found = await uow.ai_providers.get(id=id)
    if found is None:
        raise NotFound("ai_providers.get")
    return found


async def too_many_defaults(uow: salacia.UnitOfWork) -> None:
    """Two rows that the server refuses only when they are committed."""
    await uow.execute("set constraints ai_providers_one_default deferred")
    await add(uow, "One", is_default=True)
    await add(uow, "Two", is_default=True)


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b"more"


def starlette(db: salacia.Database) -> Starlette:
    async def create(request: Request) -> StructResponse:
        new = msgspec.json.decode(await request.body(), type=NewProvider, dec_hook=decode_other)
        return StructResponse(
            await add(current_unit(request), new.name, new.api_key), status_code=201
        )

    async def show(request: Request) -> StructResponse:
        return StructResponse(await find(current_unit(request), UUID(request.path_params["id"])))

    async def late(request: Request) -> JSONResponse:
        await too_many_defaults(current_unit(request))
        return JSONResponse({"ok": True})

    async def stream(request: Request) -> StreamingResponse:
        await add(current_unit(request), "Streamed")
        return StreamingResponse(iter([b"one", b"two"]))

    async def late_stream(request: Request) -> StreamingResponse:
        await too_many_defaults(current_unit(request))
        return StreamingResponse(endless())

    async def refuse(request: Request) -> JSONResponse:
        await add(current_unit(request), "Refused")
        raise HTTPException(409, "no")

    async def fail(request: Request) -> JSONResponse:
        await add(current_unit(request), "Failed")
        raise Refused

    return Starlette(
        routes=[
            Route("/providers", create, methods=["POST"]),
            Route("/providers/{id}", show),
            Route("/late", late, methods=["POST"]),
            Route("/stream", stream),
            Route("/late-stream", late_stream),
            Route("/refuse", refuse, methods=["POST"]),
            Route("/fail", fail, methods=["POST"]),
        ],
        middleware=[Middleware(UnitOfWorkMiddleware, database=db, constraints=CONSTRAINTS)],
        lifespan=lifespan(db),
    )


def fastapi(db: salacia.Database) -> FastAPI:
    app = FastAPI(lifespan=lifespan(db))
    app.add_middleware(UnitOfWorkMiddleware, database=db, constraints=CONSTRAINTS)
    Unit = Annotated[salacia.UnitOfWork, Depends(unit_of_work)]  # noqa: N806

    @app.post("/providers", status_code=201)
    async def create(new: Json[NewProvider], uow: Unit) -> Json[salacia.AiProvider]:
        return await add(uow, new.name, new.api_key)

    @app.get("/providers/{id}")
    async def show(id: UUID, uow: Unit) -> Json[salacia.AiProvider]:
        return await find(uow, id)

    @app.get("/providers")
    async def every(uow: Unit) -> Json[list[salacia.AiProvider]]:
        return await uow.ai_providers.active()

    @app.post("/late")
    async def late(uow: Unit) -> dict[str, bool]:
        await too_many_defaults(uow)
        return {"ok": True}

    @app.get("/stream")
    async def stream(uow: Unit) -> FastAPIStreaming:
        await add(uow, "Streamed")
        return FastAPIStreaming(iter([b"one", b"two"]))

    @app.get("/late-stream")
    async def late_stream(uow: Unit) -> FastAPIStreaming:
        await too_many_defaults(uow)
        return FastAPIStreaming(endless())

    @app.post("/refuse")
    async def refuse(uow: Unit) -> None:
        await add(uow, "Refused")
        raise FastAPIHTTPException(409, "no")

    @app.post("/fail")
    async def fail(uow: Unit) -> None:
        await add(uow, "Failed")
        raise Refused

    return app


def litestar(db: salacia.Database) -> Litestar:
    Unit = NamedDependency[salacia.UnitOfWork]  # noqa: N806

    @post("/providers")
    async def create(data: JSONBody[NewProvider], uow: Unit) -> salacia.AiProvider:
        return await add(uow, data.name, data.api_key)

    @get("/providers/{id:uuid}")
    async def show(id: FromPath[UUID], uow: Unit) -> salacia.AiProvider:
        return await find(uow, id)

    @post("/late")
    async def late(uow: Unit) -> dict[str, bool]:
        await too_many_defaults(uow)
        return {"ok": True}

    @get("/stream")
    async def stream(uow: Unit) -> Stream:
        await add(uow, "Streamed")
        return Stream(iter([b"one", b"two"]))

    @get("/late-stream")
    async def late_stream(uow: Unit) -> Stream:
        await too_many_defaults(uow)
        return Stream(endless())

    @post("/refuse")
    async def refuse(uow: Unit) -> None:
        await add(uow, "Refused")
        raise LitestarHTTPException(status_code=409)

    @post("/fail")
    async def fail(uow: Unit) -> None:
        await add(uow, "Failed")
        raise Refused

    return Litestar(
        [create, show, late, stream, late_stream, refuse, fail],
        plugins=[SalaciaPlugin(db, constraints=CONSTRAINTS)],
        logging_config=None,
    )


FRAMEWORKS: dict[str, Callable[[salacia.Database], Any]] = {
    "starlette": starlette,
    "fastapi": fastapi,
    "litestar": litestar,
}
