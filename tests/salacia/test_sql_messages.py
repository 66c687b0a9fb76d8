"""sql/messages.sql against a plain list: every filter, both directions, cursors and offsets."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from exchanges import START, has_word, load, position

import salacia

Case = tuple[str, dict[str, Any], Callable[[salacia.AiInteraction], bool]]

SINCE, UNTIL = START + timedelta(minutes=10), START + timedelta(minutes=30)

FILTERS: dict[str, Case] = {
    "none": ("", {}, lambda _: True),
    "since": ("", {"since": SINCE}, lambda r: r.created_at >= SINCE),
    "until": ("", {"until": UNTIL}, lambda r: r.created_at < UNTIL),
    "model": ("_of_model", {"model": "gpt-4"}, lambda r: r.model == "gpt-4"),
    "model, period": (
        "_of_model",
        {"model": "llama3", "since": SINCE, "until": UNTIL},
        lambda r: r.model == "llama3" and SINCE <= r.created_at < UNTIL,
    ),
    "unknown model": ("_of_model", {"model": "gpt"}, lambda _: False),
    "failed": ("_failed", {}, lambda r: r.error is not None),
    "failed since": (
        "_failed",
        {"since": SINCE},
        lambda r: r.error is not None and r.created_at >= SINCE,
    ),
    "word": ("_matching", {"search": "Alpha"}, lambda r: has_word(r, "alpha")),
    "both words, period": (
        "_matching",
        {"search": "alpha beta", "until": UNTIL},
        lambda r: has_word(r, "alpha") and has_word(r, "beta") and r.created_at < UNTIL,
    ),
    "words, however they are written": (
        "_matching",
        {"search": '"gamma, -DELTA or'},
        lambda _: False,
    ),
    "punctuation": ("_matching", {"search": "(delta)!"}, lambda r: has_word(r, "delta")),
    "no word at all": ("_matching", {"search": "?!"}, lambda _: False),
}


async def walk(
    page: Callable[..., Any], limit: int, arguments: dict[str, Any]
) -> list[salacia.Message]:
    """Every message, page by page behind the last one seen."""
    edge = "until" if "older" in page.__name__ else "since"
    seen: list[salacia.Message] = []
    while True:
        cursor = {edge: seen[-1].created_at, f"{edge}_id": seen[-1].id} if seen else {}
        rows = await page(limit=limit, **arguments | cursor)
        seen += rows
        if len(rows) < limit:
            return seen


@pytest.mark.parametrize("case", FILTERS.values(), ids=FILTERS)
async def test_lists_by(db: salacia.Database, case: Case) -> None:
    suffix, arguments, keep = case
    expected = [row.id for row in await load(db) if keep(row)]
    assert expected or "model" in arguments or "search" in arguments
    for direction, ids in (("newer", expected), ("older", expected[::-1])):
        page = getattr(db.messages, direction + suffix)
        assert [m.id for m in await walk(page, 7, arguments)] == ids
        numbered = [await page(limit=7, offset=n, **arguments) for n in range(0, len(ids) + 7, 7)]
        assert [m.id for rows in numbered for m in rows] == ids
        assert len(await page(**arguments)) == min(20, len(ids))


async def test_lists_by_provider(db: salacia.Database) -> None:
    rows = await load(db)
    provider = next(r.provider_id for r in rows if r.provider_id)
    ids = [r.id for r in rows if r.provider_id == provider]
    arguments = {"provider_id": provider}
    newer = await walk(db.messages.newer_of_provider, 7, arguments)
    assert [m.id for m in newer] == ids
    assert {m.provider_name for m in newer} <= {"first", "second"}
    assert len({m.provider_name for m in newer}) == 1
    assert [m.id for m in await walk(db.messages.older_of_provider, 7, arguments)] == ids[::-1]


async def test_lists_by_id(db: salacia.Database) -> None:
    ids = sorted(row.id for row in await load(db))
    seen: list[UUID] = []
    while rows := await db.messages.newer_by_id(limit=11, since_id=seen[-1] if seen else None):
        seen += [message.id for message in rows]
    assert seen == ids
    seen = []
    while rows := await db.messages.older_by_id(limit=11, until_id=seen[-1] if seen else None):
        seen += [message.id for message in rows]
    assert seen == ids[::-1]


async def test_a_walk_back_from_the_middle_ends_where_the_walk_forth_began(
    db: salacia.Database,
) -> None:
    await load(db)
    first = await db.messages.older(limit=10)
    second = await db.messages.older(limit=10, until=first[-1].created_at, until_id=first[-1].id)
    back = await db.messages.newer(limit=10, since=second[0].created_at, since_id=second[0].id)
    assert back[::-1] == first


async def test_rows_that_come_and_go_don_t_disturb_a_cursor(db: salacia.Database) -> None:
    rows = await load(db)
    first = await db.messages.older(limit=10)
    await db.ai_interactions.create(model="new", request={}, created_at=first[3].created_at)
    await db.execute("delete from ai_interactions where id = $1", first[-1].id)
    following = await db.messages.older(limit=10, until=first[-1].created_at, until_id=first[-1].id)
    assert [m.id for m in following] == [r.id for r in rows[::-1][10:20]]


async def test_a_message_carries_what_its_row_says(db: salacia.Database) -> None:
    rows = {row.id: row for row in await load(db)}
    names = {p.id: p.name for p in await db.ai_providers.active()}
    for message in await db.messages.older(limit=len(rows)):
        row = rows[message.id]
        assert position(message) == position(row)
        assert message.provider_name == (names[row.provider_id] if row.provider_id else None)
        assert message.provider_type == ("openai" if row.provider_id else None)
        assert message.is_success == (row.error is None and row.status_code == 200)
        assert message.request_preview == row.request["messages"][0]["content"]
        assert (message.response_preview is None) == (row.response is None)
        for same in ("model", "error", "status_code", "total_tokens", "response_time_ms"):
            assert getattr(message, same) == getattr(row, same)


@pytest.mark.parametrize(
    ("request_", "response", "previews"),
    [
        ({"prompt": "p" * 300}, None, ("p" * 200, None)),
        (
            {"messages": [{"content": "first"}, {"content": "last"}]},
            {"choices": [{"message": {"content": "chosen"}}]},
            ("last", "chosen"),
        ),
        (
            {"messages": [{"content": [{"type": "text", "text": "part"}]}]},
            {"content": [{"type": "text", "text": "claude"}]},
            ('[{"text": "part", "type": "text"}]', "claude"),
        ),
        ({"messages": []}, {"message": {"content": "llama"}}, ('{"messages": []}', "llama")),
        ({}, {"other": 1}, ("{}", '{"other": 1}')),
        ([1, "ü"], "text", ('[1, "ü"]', '"text"')),
    ],
)
async def test_previews_show_the_text_of_every_format(
    db: salacia.Database, request_: Any, response: Any, previews: tuple[str, str | None]
) -> None:
    await db.ai_interactions.create(model="m", request=request_, response=response)
    (message,) = await db.messages.older()
    assert (message.request_preview, message.response_preview) == previews


async def test_one_message_comes_whole_with_its_provider(db: salacia.Database) -> None:
    rows = await load(db)
    with_provider = next(r for r in rows if r.provider_id)
    without = next(r for r in rows if r.provider_id is None)
    found = await db.messages.get(id=with_provider.id)
    assert found is not None
    assert found.i == with_provider
    assert found.provider_name in ("first", "second")
    lone = await db.messages.get(id=without.id)
    assert lone is not None
    assert (lone.i, lone.provider_name, lone.provider_type) == (without, None, None)
    assert await db.messages.get(id=UUID(int=0)) is None
