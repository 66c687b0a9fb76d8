"""The gateway by HTTP: `salacia serve` in a process of its own, on a database of its own."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, MutableMapping
from contextlib import AsyncExitStack, nullcontext
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from serving import served

import salacia
from salacia_db.cli import main
from salacia_db.gateway.http import create_app
from salacia_db.gateway.http.bodies import ProviderQuery, SummaryQuery
from salacia_db.gateway.http.endpoints import ENDPOINTS
from salacia_db.gateway.http.openapi import document
from salacia_db.gateway.http.streams import EventStream
from salacia_db.postgres.scratch import ScratchDatabases

TOKEN = "a token that nobody guesses"
SECRETS = {"apiKey": "sk-sesame", "oauthAccessToken": "at-sesame", "oauthRefreshToken": "rt-sesame"}


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    with served(url) as address:
        async with httpx.AsyncClient(base_url=address, timeout=20) as made:
            yield made


async def provider(client: httpx.AsyncClient, name: str = "P", **values: object) -> dict:
    made = await client.post("/api/providers", json={"name": name, "type": "ollama", **values})
    assert made.status_code == 201, made.text
    found: dict = made.json()
    return found


async def test_providers_are_made_changed_and_deleted(client: httpx.AsyncClient) -> None:
    first = await provider(client, "First", isDefault=True)
    second = await provider(client, "Second", baseUrl="http://here")
    assert (first["isDefault"], second["isDefault"]) == (True, False)
    listed = (await client.get("/api/providers", params={"limit": 1})).json()
    assert ([p["name"] for p in listed["items"]], listed["total"]) == (["First"], 2)

    path = f"/api/providers/{second['id']}"
    changed = (await client.patch(path, json={"name": "Other", "baseUrl": None})).json()
    assert (changed["name"], changed["baseUrl"], changed["type"]) == ("Other", None, "ollama")
    assert (await client.post(f"{path}/default")).json()["isDefault"]
    refused = await client.delete(path)
    assert refused.status_code == 409
    assert "default" in refused.json()["error"]
    gone = f"/api/providers/{first['id']}"
    assert (await client.delete(gone)).status_code == 204
    assert (await client.get(gone)).json() == {"error": "no such provider"}


async def test_a_secret_is_set_and_never_read_back(client: httpx.AsyncClient, url: str) -> None:
    made = await client.post("/api/providers", json={"name": "S", "type": "openai", **SECRETS})
    path = f"/api/providers/{made.json()['id']}"
    answers = [made, await client.get(path), await client.get("/api/providers")]
    answers.append(await client.patch(path, json={"apiKey": "sk-sesame2"}))
    answers.append(await client.post("/api/providers", json={"name": "S", "authType": "sk-sesame"}))
    answers.append(
        await client.post("/api/providers", json={"name": "S", "type": "openai", **SECRETS})
    )
    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 400, 409]
    assert not any("sesame" in answer.text for answer in answers)
    assert answers[1].json()["hasApiKey"]
    async with salacia.connect(url, profile="test") as db:
        assert await db.fetchval("select api_key from ai_providers") == "sk-sesame2"


async def test_messages_are_recorded_listed_and_read(client: httpx.AsyncClient) -> None:
    for n in range(5):
        body = {
            "model": f"m{n % 2}",
            "request": {"prompt": f"word{n}"},
            "response": {"usage": {"input_tokens": n, "output_tokens": 1}},
            "statusCode": 200,
        }
        assert (await client.post("/api/messages", json=body)).status_code == 201
    first = (await client.get("/api/messages", params={"limit": 3, "sort": "oldest"})).json()
    assert (len(first["items"]), first["hasMore"], first["previousCursor"]) == (3, True, None)
    after = {"limit": 3, "sort": "oldest", "after": first["nextCursor"]}
    rest = (await client.get("/api/messages", params=after)).json()
    assert [m["totalTokens"] for m in first["items"] + rest["items"]] == [1, 2, 3, 4, 5]
    before = {"limit": 3, "sort": "oldest", "before": rest["previousCursor"]}
    assert (await client.get("/api/messages", params=before)).json()["items"] == first["items"]
    filtered = (await client.get("/api/messages", params={"model": "m1", "maxTokens": 2})).json()
    assert [m["requestPreview"] for m in filtered["items"]] == ["word1"]
    read = (await client.get(f"/api/messages/{first['items'][0]['id']}")).json()
    assert read["request"] == {"prompt": "word0"}
    summary = (await client.get("/api/statistics/summary", params={"model": "m1"})).json()
    assert (summary["total"], summary["successRate"]) == (2, 100.0)
    dashboard = (await client.get("/api/statistics")).json()
    assert dashboard["periods"]["last5Minutes"]["total"] == 5
    assert len(dashboard["hourly"]) == 24
    assert [row["model"] for row in dashboard["topModels"]] == ["m0", "m1"]


async def test_what_is_wrong_is_told_with_a_status(client: httpx.AsyncClient) -> None:
    somebody = uuid4()
    cases = [
        ("GET", "/api/messages?limit=0", {}, 400),
        ("GET", "/api/messages?limit=101", {}, 400),
        ("GET", "/api/messages?limit=1&limit=2", {}, 400),
        ("GET", "/api/messages?nonsense=1", {}, 400),
        ("GET", "/api/messages?failed=null", {}, 400),
        ("GET", "/api/providers?type=null", {}, 400),
        ("GET", "/api/messages?after=nonsense", {}, 400),
        ("GET", "/api/messages?since=2030-01-01T00:00:00", {}, 400),
        ("GET", "/api/statistics?x=1", {}, 400),
        ("GET", "/api/messages/nonsense", {}, 400),
        ("GET", f"/api/messages/{somebody}", {}, 404),
        ("PATCH", f"/api/providers/{somebody}", {"json": {"name": "x"}}, 404),
        ("POST", "/api/providers", {"json": {"name": "", "type": "ollama"}}, 400),
        ("POST", "/api/providers", {"json": {"name": "x", "type": "openai"}}, 400),
        ("POST", "/api/providers", {"json": {"name": "x\0", "type": "ollama"}}, 400),
        ("POST", "/api/providers", {"content": b"{"}, 415),
        (
            "POST",
            "/api/providers",
            {"content": b"{", "headers": {"content-type": "application/json"}},
            400,
        ),
        ("POST", "/api/messages", {"json": {"model": "m", "request": "x" * 5_000_000}}, 413),
        ("GET", "/nowhere", {}, 404),
        ("PUT", "/api/messages", {}, 405),
        ("GET", "/api/messages", {"headers": {"host": "evil.example"}}, 403),
        ("GET", "/api/messages", {"headers": {"origin": "https://evil.example"}}, 403),
        ("POST", f"/api/providers/{somebody}/default", {"headers": {"origin": "null"}}, 403),
    ]
    for method, path, options, status in cases:
        answer = await client.request(method, path, **options)
        assert (answer.status_code, list(answer.json())) == (status, ["error"]), (path, answer.text)
        assert "Traceback" not in answer.text
        assert "select" not in answer.text
    for own in ("http://localhost:8000", "http://[::1]:8000"):
        answer = await client.get("/api/messages", headers={"origin": own})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("GET", "messages?minTokens=-1", None, "expected `int` >= 0 - at `$.minTokens`"),
        ("GET", "messages?search=%00", None, "a text has a character that can't be stored"),
        ("GET", "nowhere", None, "not found"),
        ("PUT", "messages", None, "method not allowed"),
        ("POST", "providers", {"name": "P", "type": "openai"}, "`apiKey` has to be given"),
        ("POST", "providers", {"name": " ", "type": "ollama"}, "`name` has to be a text of 1 to"),
        (
            "POST",
            "providers",
            {"name": "P", "type": "ollama", "oauthTokenExpiresAt": "2030-01-01T00:00:00"},
            "expected `datetime` with a timezone component - at `$.oauthTokenExpiresAt`",
        ),
        (
            "POST",
            "providers",
            {"name": "P", "type": "ollama", "settings": {"x": "\0"}},
            "a text has a character that can't be stored",
        ),
        ("POST", "messages", {"model": "m", "request": None}, "got `null` - at `$.request`"),
        (
            "POST",
            "messages",
            b'{"request":' + b"[" * 20_000,
            "the body is no JSON, or nested too deeply",
        ),
    ],
)
async def test_an_error_names_what_is_wrong_as_the_api_does(
    client: httpx.AsyncClient, method: str, path: str, body: Any, told: str
) -> None:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    headers = {"content-type": "application/json"}
    answer = await client.request(method, f"/api/{path}", content=content, headers=headers)
    assert told in answer.json()["error"]


async def test_a_message_holds_any_json_but_null(client: httpx.AsyncClient) -> None:
    for request in ("text", 1, 1.5, 10**40, True, [None], {"x": None}):
        made = await client.post("/api/messages", json={"model": "m", "request": request})
        assert made.status_code == 201, made.text
        found = await client.get(f"/api/messages/{made.json()['id']}")
        assert found.json()["request"] == request


async def test_only_the_head_of_a_stream_is_told_where_no_more_is_asked_for(
    client: httpx.AsyncClient,
) -> None:
    for name in ("messages", "statistics"):
        answer = await client.head(f"/api/events/{name}")
        assert answer.headers["content-type"].startswith("text/event-stream")


async def next_event(lines: AsyncIterator[str]) -> dict[str, str]:
    """The next event of a stream."""
    event: dict[str, str] = {}
    async with asyncio.timeout(20):
        async for line in lines:
            name, _, value = line.partition(": ")
            if not line and "event" in event:
                return event
            if name in ("id", "event", "data"):
                event[name] = value
    raise AssertionError("the stream ended")


async def test_messages_are_followed_and_what_was_missed_is_told(client: httpx.AsyncClient) -> None:
    body = {"model": "m", "request": {}}
    async with client.stream("GET", "/api/events/messages") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        first = (await client.post("/api/messages", json=body)).json()["id"]
        event = await next_event(lines)
        assert event["event"] == "message:created"
        assert f'"id":"{first}"' in event["data"]
    missed = (await client.post("/api/messages", json=body)).json()["id"]
    last = {"last-event-id": event["id"]}
    async with client.stream("GET", "/api/events/messages", headers=last) as stream:
        again = await next_event(stream.aiter_lines())
        assert f'"id":"{missed}"' in again["data"]
    async with client.stream(
        "GET", "/api/events/messages", headers={"last-event-id": "1-1"}
    ) as stream:
        assert (await next_event(stream.aiter_lines()))["event"] == "gap"


async def test_statistics_are_followed(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/api/events/statistics") as stream:
        lines = stream.aiter_lines()
        assert '"last5Minutes":{"total":0' in (await next_event(lines))["data"]
        await client.post("/api/messages", json={"model": "m", "request": {}})
        assert '"last5Minutes":{"total":1' in (await next_event(lines))["data"]


async def test_a_silent_stream_is_alive_until_the_client_goes() -> None:
    ended, gone, said = asyncio.Event(), asyncio.Event(), asyncio.Queue[bytes]()

    async def frames() -> AsyncGenerator[bytes]:
        try:
            yield b"data: 1\n\n"
            await asyncio.sleep(3600)
        finally:
            ended.set()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        await said.put(message.get("body", b""))

    async with asyncio.timeout(20):
        answering = asyncio.create_task(
            EventStream(frames(), 0.01, asyncio.Event())({}, receive, send)
        )
        told = [await said.get() for _ in range(4)]
        assert told == [b"", b"data: 1\n\n", b": heartbeat\n\n", b": heartbeat\n\n"]
        gone.set()
        await answering
    assert ended.is_set()


@pytest.mark.parametrize("failure", [None, ConnectionError("lost")])
async def test_a_stream_ends_as_its_frames_do(failure: Exception | None) -> None:
    said: list[MutableMapping[str, Any]] = []

    async def frames() -> AsyncGenerator[bytes]:
        yield b"data: 1\n\n"
        if failure is not None:
            raise failure

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    with nullcontext() if failure is None else pytest.raises(ConnectionError):
        await EventStream(frames(), 3600, asyncio.Event())({}, receive, send)
    # Without its last message the server breaks the connection off.
    assert said[-1].get("more_body", False) == (failure is not None)


async def test_a_server_that_stops_ends_its_streams(url: str) -> None:
    async with AsyncExitStack() as stack:
        with served(url) as address:
            client = await stack.enter_async_context(httpx.AsyncClient(timeout=120))
            lines = []
            for name in ("messages", "statistics"):
                opened = client.stream("GET", f"{address}/api/events/{name}")
                lines.append((await stack.enter_async_context(opened)).aiter_lines())
                await anext(lines[-1])
        # To their end: a stream that is cut off raises.
        for each in lines:
            _ = [line async for line in each]


async def test_health_is_told_and_recorded(client: httpx.AsyncClient, url: str) -> None:
    answer = await client.get("/api/health")
    assert (answer.status_code, answer.json()["databaseStatus"]) == (200, True)
    async with salacia.connect(url, profile="test") as db:
        assert await db.fetchval("select count(*) from health_checks") == 1


async def test_with_a_token_each_request_brings_it(url: str) -> None:
    with served(url, SALACIA_TOKEN=TOKEN) as address:
        async with httpx.AsyncClient(base_url=address, timeout=20) as client:
            right = {"authorization": f"Bearer {TOKEN}", "host": "gateway.example"}
            assert (await client.get("/api/providers", headers=right)).status_code == 200
            for wrong in ({}, {"authorization": "Bearer x"}, {"authorization": f"Basic {TOKEN}"}):
                refused = await client.get("/api/providers", headers=wrong)
                assert refused.status_code == 401
                assert refused.headers["www-authenticate"] == "Bearer"
            assert (await client.get("/api/health")).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "token", "told"),
    [
        (["--host", "0.0.0.0"], "", "can be reached from elsewhere"),
        ([], "short", "16 characters"),
        (["--host", "192.0.2.1"], TOKEN, "can't be had"),
    ],
)
def test_what_cannot_be_served_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    token: str,
    told: str,
) -> None:
    monkeypatch.setenv("SALACIA_TOKEN", token)
    assert main(["serve", "--database-url", "postgresql://nowhere/x", *arguments]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("database", "told"),
    [
        (
            "postgresql://somebody:sesame@127.0.0.1:1/x",
            "can't connect to postgresql://127.0.0.1:1/x",
        ),
        ("", "the database lacks tables of the gateway: run `salacia migrate up`"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_without_a_stack_trace(
    databases: ScratchDatabases, database: str, told: str
) -> None:
    program = "import sys; from salacia_db.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "serve", "--port", "0", "--database-url"]
    with nullcontext(database) if database else databases.database() as url:
        ended = subprocess.run(
            [*command, url], capture_output=True, text=True, check=False, timeout=300
        )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(f"error: {told}")
    assert "Traceback" not in ended.stderr
    assert "sesame" not in ended.stderr


@pytest.mark.parametrize("missing", ["salacia", "uvicorn"])
def test_what_serving_needs_is_named_where_it_is_missing(missing: str) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None; from salacia_db.cli import main;"
        " sys.exit(main(['serve', '--keep-requests', '30d']))"
    )
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == f"error: {missing} is missing; install salacia-db[http]\n"


def test_every_endpoint_is_in_the_docs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "http.md").read_text("utf-8")
    told = set(re.findall(r"^\| `([A-Z]+) (\S+)` \|", text, re.MULTILINE))
    assert told == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    for name in SummaryQuery.__struct_encode_fields__ + ProviderQuery.__struct_encode_fields__:
        assert f"`{name}`" in text


def test_the_document_describes_every_endpoint() -> None:
    described = document(ENDPOINTS, secured=True)
    found = {(m.upper(), path) for path, ways in described["paths"].items() for m in ways}
    assert found == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    new = described["components"]["schemas"]["NewProvider"]["properties"]
    assert {"type": "string", "writeOnly": True} in new["apiKey"]["anyOf"]
    assert not {"apiKey", "oauthAccessToken"} & set(
        described["components"]["schemas"]["Provider"]["properties"]
    )
    create_app(salacia.connect("postgresql://nowhere/x"), token=TOKEN)
