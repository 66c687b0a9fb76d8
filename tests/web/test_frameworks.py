"""The same small application under each framework: what was answered is what was kept."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from applications import FRAMEWORKS, fastapi, litestar
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse

import salacia
from salacia_db import UsageError
from salacia_db.web import UnitOfWorkMiddleware, UnitOptions, current_unit
from salacia_db.web.middleware import Message, Receive, Scope, Send


@pytest.fixture(params=FRAMEWORKS)
def app(request: pytest.FixtureRequest, db: salacia.Database) -> Any:
    return FRAMEWORKS[request.param](db)


def client_of(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


@pytest.fixture
async def client(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as made:
        yield made


async def names(db: salacia.Database) -> list[str]:
    return [row[0] for row in await db.fetch("select name from ai_providers order by name")]


async def test_a_struct_is_read_and_answered(
    client: httpx.AsyncClient, db: salacia.Database
) -> None:
    made = await client.post("/providers", json={"name": "Here", "api_key": "sesame"})
    assert made.status_code == 201
    assert made.headers["content-type"] == "application/json"
    found = await client.get(f"/providers/{made.json()['id']}")
    assert found.status_code == 200
    assert found.json() == made.json()
    assert found.json()["name"] == "Here"
    assert found.json()["api_key"] == "**********"
    assert await db.fetchval("select api_key from ai_providers") == "sesame"


async def test_the_commit_comes_before_the_answer(app: Any, db: salacia.Database) -> None:
    seen: list[tuple[str, int]] = []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def watch(message: Message) -> None:
            seen.append((message["type"], len(await names(db))))
            await send(message)

        await app(scope, receive, watch)

    async with client_of(watched) as client:
        assert (await client.post("/providers", json={"name": "Here"})).status_code == 201
    assert seen[0] == ("http.response.start", 1)


async def test_a_commit_that_fails_is_never_a_success(
    client: httpx.AsyncClient, db: salacia.Database
) -> None:
    answer = await client.post("/late")
    assert (answer.status_code, answer.json()) == (
        409,
        {"error": "this conflicts with what is stored"},
    )
    assert await names(db) == []


async def test_a_stream_begins_after_the_commit(
    client: httpx.AsyncClient, db: salacia.Database
) -> None:
    async with client.stream("GET", "/stream") as answer:
        assert answer.status_code == 200
        assert await names(db) == ["Streamed"]
        assert b"".join([part async for part in answer.aiter_bytes()]) == b"onetwo"


async def test_a_stream_whose_commit_fails_ends_before_it_begins(
    client: httpx.AsyncClient, db: salacia.Database
) -> None:
    answer = await client.get("/late-stream")
    assert answer.status_code == 409
    assert await names(db) == []


@pytest.mark.parametrize(("path", "status"), [("/refuse", 409), ("/fail", 500)])
async def test_what_is_answered_by_an_error_is_rolled_back(
    client: httpx.AsyncClient, db: salacia.Database, path: str, status: int
) -> None:
    answer = await client.post(path)
    assert answer.status_code == status
    assert await names(db) == []


async def test_errors_are_told_by_their_status(client: httpx.AsyncClient) -> None:
    await client.post("/providers", json={"name": "Here"})
    taken = await client.post("/providers", json={"name": "Here"})
    assert (taken.status_code, taken.json()) == (409, {"error": "the name is taken"})
    empty = await client.post("/providers", json={"name": ""})
    assert (empty.status_code, empty.json()) == (400, {"error": "a value is not allowed"})
    missing = await client.get(f"/providers/{uuid4()}")
    assert (missing.status_code, missing.json()) == (404, {"error": "not found"})


async def test_a_failure_of_ours_is_recorded_and_gives_nothing_away(
    app: Any, db: salacia.Database, caplog: pytest.LogCaptureFixture
) -> None:
    await db.execute("alter table ai_providers rename column name to title")
    async with client_of(app) as client:
        answer = await client.get(f"/providers/{uuid4()}")
    assert answer.status_code == 500
    assert answer.json() == {"error": "something went wrong here; it has been recorded"}
    assert [record.name for record in caplog.records] == ["salacia_db.web"]
    assert caplog.records[0].exc_info is not None


async def test_a_request_that_does_not_ask_costs_no_connection(db: salacia.Database) -> None:
    async def idle(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with db.unit_of_work() as uow:
        await uow.fetchval("select 1")
        statements = "select sum(xact_commit + xact_rollback) from pg_stat_database"
        before = await uow.fetchval(statements)
        async with client_of(UnitOfWorkMiddleware(idle, db)) as client:
            for _ in range(20):
                assert (await client.get("/")).status_code == 200
        assert await uow.fetchval(statements) == before


async def test_an_application_that_keeps_what_it_refuses_says_so(db: salacia.Database) -> None:
    async def audited(scope: Scope, receive: Receive, send: Send) -> None:
        uow: salacia.UnitOfWork = current_unit(Request(scope))
        await uow.system_metadata.set(key="refused", value="1", description=None)
        await uow.commit()
        await JSONResponse({"error": "no"}, status_code=403)(scope, receive, send)

    async with client_of(UnitOfWorkMiddleware(audited, db)) as client:
        assert (await client.get("/")).status_code == 403
    assert await db.fetchval("select value from system_metadata") == "1"


async def test_settings_of_the_request_hold_in_its_unit(db: salacia.Database) -> None:
    def options(scope: Scope) -> UnitOptions:
        return {"settings": {"app.tenant": scope["path"]}}

    async def tenant(scope: Scope, receive: Receive, send: Send) -> None:
        uow: salacia.UnitOfWork = current_unit(Request(scope))
        found = await uow.fetchval("select current_setting('app.tenant')")
        await JSONResponse(found)(scope, receive, send)

    async with client_of(UnitOfWorkMiddleware(tenant, db, options=options)) as client:
        answers = await asyncio.gather(*(client.get(f"/{n}") for n in range(20)))
    assert [answer.json() for answer in answers] == [f"/{n}" for n in range(20)]


async def test_messages_name_the_request(db: salacia.Database) -> None:
    units: list[salacia.UnitOfWork] = []

    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        units.append(current_unit(Request(scope)))
        await JSONResponse(None)(scope, receive, send)

    async with client_of(UnitOfWorkMiddleware(endpoint, db)) as client:
        await client.post("/books/1")
    with pytest.raises(UsageError, match="the unit of work of POST /books/1 is not open"):
        await units[0].fetchval("select 1")


async def test_a_path_can_forge_no_line_of_the_log(
    db: salacia.Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        raise UsageError("told")

    async with client_of(UnitOfWorkMiddleware(endpoint, db)) as client:
        await client.get("/a%0Aforged line%1B[31m")
    messages = [record.getMessage() for record in caplog.records if "told" in record.getMessage()]
    assert messages == ["GET /a%0Aforged%20line%1B%5B31m: told"]


@pytest.mark.parametrize(
    ("kind", "told"),
    [("http", "add UnitOfWorkMiddleware"), ("websocket", "open one for each message")],
)
async def test_an_endpoint_without_a_unit_is_told_what_to_do(kind: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        current_unit(HTTPConnection({"type": kind}))


async def test_what_fails_after_the_answer_began_is_not_answered_twice(
    db: salacia.Database,
) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        uow: salacia.UnitOfWork = current_unit(Request(scope))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await uow.fetchval("select 1")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/"}
    with pytest.raises(UsageError, match="is not open"):
        await UnitOfWorkMiddleware(broken, db)(scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start"]


async def receive() -> Message:
    return {"type": "http.request", "body": b""}


def test_fastapi_describes_structs(db: salacia.Database) -> None:
    document = fastapi(db).openapi()
    schemas = document["components"]["schemas"]
    provider = schemas["AiProvider"]
    assert provider["description"] == "A service that answers chat requests, and how to reach it."
    assert provider["properties"]["name"]["type"] == "string"
    assert {"type": "null"} in provider["properties"]["oauth_scope"]["anyOf"]
    create = document["paths"]["/providers"]["post"]
    body = create["requestBody"]["content"]["application/json"]["schema"]
    assert body["$ref"] == "#/components/schemas/NewProvider"
    answer = create["responses"]["201"]["content"]["application/json"]["schema"]
    assert answer["$ref"] == "#/components/schemas/AiProvider"
    every = document["paths"]["/providers"]["get"]["responses"]["200"]["content"]
    items = every["application/json"]["schema"]["items"]
    assert items["$ref"] == "#/components/schemas/AiProvider"


async def test_fastapi_says_where_a_body_is_wrong(db: salacia.Database) -> None:
    async with client_of(fastapi(db)) as client:
        answer = await client.post("/providers", json={"name": 1})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"] == "Expected `str`, got `int` - at `$.name`"


def test_litestar_describes_structs(db: salacia.Database) -> None:
    document = litestar(db).openapi_schema.to_schema()
    schemas = document["components"]["schemas"]
    assert {"NewProvider", "AiProvider"} <= schemas.keys()
    secret = schemas["AiProvider"]["properties"]["api_key"]["oneOf"][0]
    assert secret == {"type": "string", "description": "a secret, masked"}
