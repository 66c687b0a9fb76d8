"""Logging: what is kept, what is left out, and that it never breaks what it logs."""

import asyncio
import logging as standard
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import salacia
from salacia_db.gateway import logging, redaction, storable
from salacia_db.gateway.tokens import Tokens, tokens_of
from salacia_db.runtime import Creating, Hooks, Updated, uuid7

KEY = "sk-proj-0123456789abcdefghij"


@pytest.fixture
def gone() -> salacia.Database:
    """A database that isn't open."""
    return salacia.connect("postgresql://nowhere", profile="test")


def reports(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "salacia_db.gateway"]


async def get(db: salacia.Database, id: UUID) -> salacia.AiInteraction:
    row = await db.ai_interactions.get(id=id)
    assert row is not None
    return row


# --- interactions ---------------------------------------------------------------------------------


async def test_an_interaction_is_recorded_with_its_tokens(db: salacia.Database) -> None:
    response = {"content": "Hi", "usage": {"input_tokens": 3, "output_tokens": 4}}
    made = await logging.interaction(
        db,
        model="claude-3",
        request={"prompt": "Hello"},
        response=response,
        status_code=200,
        response_time_ms=12.6,
    )
    row = await get(db, made)
    assert (row.model, row.request, row.response) == ("claude-3", {"prompt": "Hello"}, response)
    assert (row.prompt_tokens, row.completion_tokens, row.total_tokens) == (3, 4, 7)
    assert (row.status_code, row.response_time_ms, row.error) == (200, 13, None)


async def test_a_streamed_interaction_is_completed_in_place(db: salacia.Database) -> None:
    key = uuid7()
    made = await logging.interaction(
        db, id=key, model="gpt-4", request={"stream": True}, status_code=200
    )
    assert made == key
    begun = await get(db, made)
    assert (begun.response, begun.total_tokens) == (None, None)
    response = {"usage": {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}}
    await logging.complete(db, made, response=response, response_time_ms=80)
    ended = await get(db, made)
    assert (ended.response, ended.total_tokens, ended.response_time_ms) == (response, 11, 80)
    assert (ended.status_code, ended.created_at) == (200, begun.created_at), (
        "what is left out stays"
    )
    await logging.complete(db, made, error="the stream broke", status_code=502)
    broken = await get(db, made)
    assert (broken.error, broken.status_code, broken.response) == (
        "the stream broke",
        502,
        response,
    )


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (None, (None, None, None)),
        ("text", (None, None, None)),
        ({}, (None, None, None)),
        ({"usage": None}, (None, None, None)),
        ({"usage": {"input_tokens": 3, "output_tokens": 4}}, (3, 4, 7)),
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 4}}, (3, 4, 7)),
        ({"usage": {"input_tokens": 3}}, (3, None, 3)),
        ({"usage": {"output_tokens": 4}}, (None, 4, 4)),
        ({"usage": {"total_tokens": 9}}, (None, None, 9)),
        ({"usage": {"input_tokens": 0, "output_tokens": 0}}, (0, 0, 0)),
        ({"usage": {"input_tokens": -1, "output_tokens": "4"}}, (None, None, None)),
        ({"usage": {"input_tokens": True, "output_tokens": 2**31}}, (None, None, None)),
        ({"usage": {"input_tokens": 2**31 - 1, "output_tokens": 1}}, (2**31 - 1, 1, None)),
        ({"usage": {"input_tokens": None, "prompt_tokens": 2}}, (2, None, 2)),
        ({"prompt_eval_count": 3, "eval_count": 4}, (3, 4, 7)),
        ([{"usage": {"input_tokens": 3}}], (None, None, None)),
    ],
)
def test_tokens_are_read_from_every_provider_s_usage(response: Any, expected: Any) -> None:
    assert tokens_of(response) == Tokens(*expected)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=10,
)


@given(JSON)
def test_counting_tokens_takes_any_json(usage: Any) -> None:
    for response in (usage, {"usage": usage}, {"usage": {"input_tokens": usage}}):
        for count in tokens_of(response):
            assert count is None or 0 <= count < 2**31


async def test_whatever_a_client_sends_is_recorded(
    db: salacia.Database, caplog: pytest.LogCaptureFixture
) -> None:
    wild = {
        "nul": "a\0b",
        "k\0ey": ["\0"],
        "escaped": "a\\u0000b",
        "lone": "\ud800",
        "lone\udfff": 1,
        "nan": float("nan"),
        "big": 10**30,
        "deep": [[[[[[]]]]]],
    }
    made = await logging.interaction(
        db,
        model="m\0" + "n" * 200,
        request=wild,
        response=[wild],
        error="e\0\ud800",
        status_code=10**12,
        response_time_ms=-1,
    )
    assert reports(caplog) == []
    row = await get(db, made)
    assert (len(row.model), row.model[:3]) == (100, "m\ufffdn")
    assert row.request["nul"] == "a\ufffdb"
    assert row.request["k\ufffdey"] == ["\ufffd"]
    assert row.request["escaped"] == "a\\u0000b"
    assert (row.request["nan"], row.request["deep"]) == (None, wild["deep"])
    assert (row.status_code, row.response_time_ms) == (None, None)
    api = await logging.api_request(
        db,
        method="PROPFINDDDDDDDD",
        path="/" + "p" * 600 + "\0",
        headers={"x": "\0"},
        body=wild,
        ip_address="::1" * 30,
        user_agent="u" * 600,
    )
    assert reports(caplog) == []
    (logged,) = await db.api_requests.recent()
    assert (logged.id, len(logged.path), len(logged.user_agent or "")) == (api, 500, 500)


async def test_a_provider_deleted_meanwhile_costs_no_interaction(db: salacia.Database) -> None:
    made = await logging.interaction(db, model="m", request={}, provider_id=uuid7())
    assert (await get(db, made)).provider_id is None
    async with db.unit_of_work() as uow:
        made = await logging.interaction(uow, model="m", request={}, provider_id=uuid7())
    assert (await get(db, made)).provider_id is None


async def test_a_key_in_an_error_is_not_kept(db: salacia.Database) -> None:
    made = await logging.interaction(db, model="m", request={}, error=f"incorrect key {KEY} given")
    assert (await get(db, made)).error == "incorrect key [removed] given"


# --- what goes wrong ------------------------------------------------------------------------------


async def test_no_failure_reaches_the_caller_and_each_is_reported(
    gone: salacia.Database, caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(await logging.interaction(gone, model="m", request={}), UUID)
    await logging.complete(gone, uuid7(), response={})
    await logging.api_request(gone, method="GET", path="/")
    nonsense: Any = object()
    await logging.interaction(gone, model="m", request={"it": nonsense})
    await logging.interaction(gone, model=nonsense, request={"it": KEY})
    await logging.api_request(gone, method="GET", path="/", headers=nonsense)
    told = reports(caplog)
    assert len(told) == 6
    assert all(r.levelno == standard.ERROR for r in caplog.records)
    assert told[0].startswith("an interaction was not recorded: UsageError: ")
    assert told[1].startswith("the end of an interaction was not recorded: ")
    assert told[2].startswith("a request was not recorded: ")
    assert KEY not in caplog.text


async def test_an_end_without_a_beginning_is_reported(
    db: salacia.Database, caplog: pytest.LogCaptureFixture
) -> None:
    await logging.complete(db, uuid7(), response={})
    assert reports(caplog) == [
        "the end of an interaction was not recorded: Missing: no such interaction"
    ]


async def test_a_failure_in_a_unit_of_work_spoils_nothing_else(
    db: salacia.Database, caplog: pytest.LogCaptureFixture
) -> None:
    row = await db.ai_interactions.create(model="m", request={})
    async with db.unit_of_work() as uow:
        await uow.system_metadata.set(key="before", value="1")
        await logging.interaction(uow, model="m", request={}, id=row.id)  # the id is taken
        good = await logging.interaction(uow, model="m", request={})
        await uow.system_metadata.set(key="after", value="2")
    assert len(reports(caplog)) == 1
    assert "UniqueViolation" in reports(caplog)[0]
    assert [f.key for f in await db.system_metadata.with_prefix(prefix="")] == ["after", "before"]
    assert (await get(db, good)).model == "m"


async def test_a_hook_that_refuses_breaks_nothing_either(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    hooks = Hooks()

    @hooks.before_create(salacia.AiInteraction)
    def refuse(event: Creating[salacia.AiInteraction]) -> None:
        raise ValueError(KEY)

    async with salacia.connect(url, profile="test", hooks=hooks) as db:
        await logging.interaction(db, model="m", request={})
        assert await db.count(salacia.AiInteraction) == 0
    assert reports(caplog) == ["an interaction was not recorded: ValueError"]


async def test_a_cancellation_is_no_failure(db: salacia.Database) -> None:
    async with db.unit_of_work() as uow:
        await uow.execute("lock table ai_interactions")
        task = asyncio.create_task(logging.interaction(db, model="m", request={}))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_hooks_hear_what_is_logged(url: str) -> None:
    hooks, heard = Hooks(), []

    @hooks.after_commit(salacia.AiInteraction)
    def committed(event: Any) -> None:
        heard.append((type(event).__name__, event.rows[0].response))

    async with salacia.connect(url, profile="test", hooks=hooks) as db:
        made = await logging.interaction(db, model="m", request={})
        await logging.complete(db, made, response={"a": 1})
    assert heard == [("Created", None), (Updated.__name__, {"a": 1})]


# --- api requests ---------------------------------------------------------------------------------

CREDENTIALS = {
    "Authorization": "Bearer x",
    "Proxy-Authorization": "Basic x",
    "Cookie": "session=1",
    "Set-Cookie": "session=1",
    "X-Api-Key": "x",
    "api-key": "x",
    "X-API-KEY": "x",
    "apikey": "x",
    "X-Auth-Token": "x",
    "X-CSRF-Token": "x",
    "X-Amz-Security-Token": "x",
    "X-Goog-Api-Key": "x",
    "X-Client-Secret": "x",
    "X-Hub-Signature": "x",
    "X-Innocent": f"Bearer {KEY}",
    "x-forwarded-authorization": "x",
    "X-Other": KEY,
    "X-Upstream": "Basic dTpw",
}
HARMLESS = {
    "accept": "*/*",
    "content-type": "application/json",
    "user-agent": "curl/8",
    "x-max-tokens": "100",
    "x-request-id": "01",
    "x-monkey": "1",
    "author": "me",
    "referer": "https://a.example/?api_key=[removed]&page=2",
}


async def test_a_request_is_recorded_without_its_credentials(db: salacia.Database) -> None:
    body = {
        "name": "OpenAI",
        "apiKey": "hunter2",
        "nested": [{"oauth_access_token": "hunter2", "max_tokens": 5}],
        "note": f"mine is {KEY}",
    }
    made = await logging.api_request(
        db,
        method="post",
        path="/api/providers?key=hunter2",
        headers=CREDENTIALS | HARMLESS | {"referer": "https://a.example/?api_key=hunter2&page=2"},
        query={"page": "1", "key": "hunter2", "access_token": "hunter2"},
        body=body,
        ip_address="127.0.0.1",
        status_code=201,
        response_time_ms=3,
        response_size_bytes=20,
    )
    (row,) = await db.api_requests.recent()
    assert (row.id, row.method, row.path) == (made, "POST", "/api/providers")
    assert row.headers == HARMLESS
    assert row.query == {"page": "1"}
    assert row.body == {
        "name": "OpenAI",
        "nested": [{"max_tokens": 5}],
        "note": "mine is [removed]",
    }
    assert (row.user_agent, row.ip_address, row.status_code) == ("curl/8", "127.0.0.1", 201)
    whole = await db.fetchval("select a::text from api_requests a")
    assert "hunter2" not in whole
    assert KEY not in whole


def test_headers_come_as_pairs_too_and_repeated_ones_are_joined() -> None:
    pairs = [("Accept", "a"), ("accept", "/?key=b"), ("COOKIE", "c"), ("X", "1")]
    assert redaction.headers(pairs) == {"accept": "a, /?key=[removed]", "x": "1"}


@given(
    st.sampled_from(sorted(CREDENTIALS)).filter(
        lambda name: CREDENTIALS[name] in ("x", "Bearer x")
    ),
    st.data(),
)
def test_however_a_credential_s_header_is_written_it_is_left_out(name: str, data: Any) -> None:
    written = "".join(data.draw(st.sampled_from([c.lower(), c.upper()])) for c in name)
    assert redaction.headers([(written, "anything")]) == {}


@given(JSON)
def test_what_is_storable_is_json_that_has_no_nul(value: Any) -> None:
    import msgspec

    encoded = storable.json(value)
    if value is None:
        assert encoded is None
    else:
        assert "\0" not in repr(msgspec.json.decode(encoded)).replace("\\x00", "\0")


def test_ordinary_words_are_no_credentials() -> None:
    for text in ("a basic understanding of asynchronous programming", "task-oriented-dialogues"):
        assert redaction.text(text) == text
