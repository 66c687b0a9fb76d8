"""The log of requests: what is recorded of each, what never is, and that it is in nobody's way."""

import asyncio
import logging
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import salacia
from salacia_db.cli import main
from salacia_db.gateway import http
from salacia_db.gateway.http.request_log import Logged, Noted, RequestLog
from salacia_db.gateway.logging import api_requests

SECRETS = {
    "authorization": "Bearer sesame-one",
    "cookie": "session=sesame-two",
    "x-api-key": "sesame-three",
    "x-note": "sk-sesame-four-and-more-than-sixteen",
}


@asynccontextmanager
async def client(url: str, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application, whose log is written when this is left."""
    app = http.create_app(salacia.connect(url, profile="test"), **options)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("192.0.2.7", 1))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as made,
    ):
        yield made


async def recorded(db: salacia.Database) -> list[salacia.ApiRequest]:
    return list(reversed(await db.api_requests.recent()))


def scope(**values: Any) -> dict[str, Any]:
    made = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    return made | values


def noted(**values: Any) -> Noted:
    return Noted(datetime.now(UTC), scope(**values), 200, 1.5, 3)


async def test_a_request_is_recorded_with_its_answer(db: salacia.Database, url: str) -> None:
    begin = datetime.now(UTC)
    async with client(url) as made:
        answer = await made.get(
            "/api/messages", params={"model": "m", "limit": 7}, headers={"user-agent": "tester/1"}
        )
        await made.get("/nowhere", headers={"user-agent": "x" * 600})
    first, second = await recorded(db)
    assert (first.method, first.path, first.status_code) == ("GET", "/api/messages", 200)
    assert first.query == {"model": "m", "limit": "7"}
    assert (first.user_agent, first.ip_address) == ("tester/1", "192.0.2.7")
    assert first.response_size_bytes == len(answer.content)
    assert first.response_time_ms is not None
    assert first.headers["host"] == "localhost"
    assert first.body is None
    assert begin <= first.created_at <= datetime.now(UTC)
    assert (second.status_code, second.query, len(second.user_agent or "")) == (404, None, 500)


async def test_nothing_secret_is_recorded(db: salacia.Database, url: str) -> None:
    provider = {"name": "P", "type": "openai", "apiKey": "sesame-five"}
    async with client(url, token="sesame-one-of-sixteen") as made:
        right = {**SECRETS, "authorization": "Bearer sesame-one-of-sixteen"}
        for headers in (SECRETS, right):
            await made.post("/api/providers", json=provider, headers=headers)
            await made.get(
                "/api/providers?apiKey=sesame-six&x=sk-sesame-seven-and-more", headers=headers
            )
            await made.get("/sk-sesame-eight-and-more-than-sixteen", headers=headers)
    rows = await recorded(db)
    assert [row.status_code for row in rows] == [401, 401, 401, 201, 400, 404]
    stored = await db.fetchval("select string_agg(r::text, ' ') from api_requests r")
    assert "sesame" not in stored
    assert "tester" in stored or "python-httpx" in stored


async def test_whatever_becomes_of_a_request_is_recorded(db: salacia.Database, url: str) -> None:
    async with client(url) as made:
        await made.get("/api/messages", headers={"host": "elsewhere.example"})
        await made.get("/api/messages", params={"limit": 0})
        await db.execute("alter table ai_providers rename to away")
        assert (await made.get("/api/providers")).status_code == 500
        await db.execute("alter table away rename to ai_providers")
    assert [row.status_code for row in await recorded(db)] == [403, 400, 500]


async def test_a_stream_is_noted_when_it_ends(db: salacia.Database) -> None:
    more, log = asyncio.Event(), RequestLog(db, pause=3600)

    async def app(_: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await more.wait()
        await send({"type": "http.response.body", "body": b"four"})

    async def send(message: MutableMapping[str, Any]) -> None:
        if message.get("body") == b"one":
            assert not log._noted
            more.set()

    async def receive() -> dict[str, Any]:
        raise AssertionError

    async with log:
        await Logged(app, log)(scope(path="/s"), receive, send)
    (row,) = await recorded(db)
    assert (row.path, row.response_size_bytes) == ("/s", 7)


async def test_an_answer_that_breaks_off_is_recorded(db: salacia.Database) -> None:
    async def broken(_: Any, receive: Any, send: Any) -> None:
        raise LookupError

    async def waiting(_: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(3600)

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    async with RequestLog(db) as log:
        with pytest.raises(LookupError):
            await Logged(broken, log)(scope(), nothing, nothing)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await Logged(waiting, log)(scope(), nothing, nothing)
    assert [row.status_code for row in await recorded(db)] == [500, None]


async def test_the_health_check_is_recorded_where_that_is_asked_for(
    db: salacia.Database, url: str
) -> None:
    for options in ({}, {"request_log": False, "log_health": True}, {"log_health": True}):
        assert await recorded(db) == []
        async with client(url, **options) as made:
            assert (await made.get("/api/health")).status_code == 200
            assert (await made.get("/")).status_code == 200  # a file of the dashboard, never
    assert [row.path for row in await recorded(db)] == ["/api/health"]


async def test_too_many_are_left_out_and_counted(
    db: salacia.Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with RequestLog(db, limit=3, pause=3600) as log:
        for n in range(5):
            log.note(noted(path=f"/{n}"))
    assert [row.path for row in await recorded(db)] == ["/0", "/1", "/2"]
    assert [record.getMessage() for record in caplog.records] == [
        "2 requests were not recorded: too many came"
    ]


async def test_more_than_a_batch_is_recorded_in_order_while_it_runs(db: salacia.Database) -> None:
    async with RequestLog(db, pause=0) as log:
        for n in range(250):
            log.note(noted(path=f"/{n}"))
        async with asyncio.timeout(30):
            while len(found := await db.api_requests.recent(limit=1000)) < 250:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert [row.path for row in reversed(found)] == [f"/{n}" for n in range(250)]


async def test_a_log_that_fails_breaks_no_answer(
    db: salacia.Database, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await db.execute("drop table api_requests")
    async with client(url) as made:
        assert (await made.get("/api/providers?x=sesame")).status_code == 400
        assert (await made.get("/api/providers")).status_code == 200
    told = [record.getMessage() for record in caplog.records]
    assert told
    assert all(text.startswith("a batch of ") and "not recorded" in text for text in told)
    assert "sesame" not in " ".join(told)


names = st.binary(max_size=20) | st.sampled_from([b"user-agent", b"Authorization", b"a\0b"])
HEADERS = st.lists(st.tuples(names, st.binary(max_size=30)), max_size=4)


async def test_any_bytes_can_be_recorded(
    db: salacia.Database, caplog: pytest.LogCaptureFixture
) -> None:
    found: list[Noted] = []

    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(HEADERS, st.binary(max_size=60), st.text(max_size=600))
    def collect(headers: list[tuple[bytes, bytes]], query: bytes, path: str) -> None:
        found.append(noted(headers=headers, query_string=query, path=path, client=None))

    collect()
    await api_requests(db, [each.answered() for each in found])
    assert not caplog.records
    assert await db.fetchval("select count(*) from api_requests") == len(found)


@pytest.mark.parametrize(
    ("arguments", "log", "health"),
    [
        ([], True, False),
        (["--no-request-log"], False, False),
        (["--log-health"], True, True),
    ],
)
def test_the_command_says_what_is_recorded(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], log: bool, health: bool
) -> None:
    served: dict[str, Any] = {}
    monkeypatch.setattr(http, "serve", lambda database, **given: served.update(given))
    assert main(["serve", "--database-url", "postgresql://nowhere/x", *arguments]) == 0
    assert (served["request_log"], served["log_health"]) == (log, health)
