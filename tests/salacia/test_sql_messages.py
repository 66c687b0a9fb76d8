"""sql/messages.sql against a plain list: filters alone and together, orders, cursors, offsets."""

from collections.abc import Callable
from datetime import timedelta
from inspect import signature
from itertools import combinations
from typing import Any
from uuid import UUID

import pytest
from exchanges import START, has_word, load, position
from msgspec.structs import asdict

import salacia
from salacia_db.runtime import InvalidArgument

Case = tuple[dict[str, Any], Callable[[salacia.AiInteraction], bool]]

SINCE, UNTIL = START + timedelta(minutes=10), START + timedelta(minutes=30)

# Each filter by itself; `provider_id` is added where the providers are known.
FILTERS: dict[str, Case] = {
    "since": ({"since": SINCE}, lambda r: r.created_at >= SINCE),
    "until": ({"until": UNTIL}, lambda r: r.created_at < UNTIL),
    "model": ({"model": "gpt-4"}, lambda r: r.model == "gpt-4"),
    "failed": ({"failed": True}, lambda r: r.error is not None),
    "not failed": ({"failed": False}, lambda r: r.error is None),
    "some tokens": ({"min_tokens": 10}, lambda r: (r.total_tokens or 0) >= 10),
    "few tokens": ({"max_tokens": 10}, lambda r: r.total_tokens in (0, 10)),
    "slow": ({"min_response_time_ms": 80}, lambda r: r.response_time_ms == 80),
    "fast": ({"max_response_time_ms": 79}, lambda r: r.response_time_ms == 5),
    "word": ({"search": "Alpha"}, lambda r: has_word(r, "alpha")),
}
NONE: Case = ({}, lambda _: True)
TOGETHER: dict[str, Case] = {
    f"{one}, {other}": (
        FILTERS[one][0] | FILTERS[other][0],
        lambda r, one=one, other=other: FILTERS[one][1](r) and FILTERS[other][1](r),
    )
    for one, other in combinations(FILTERS, 2)
    if not FILTERS[one][0].keys() & FILTERS[other][0].keys()
}
EVERY: Case = (
    {
        "since": SINCE,
        "until": UNTIL,
        "model": "llama3",
        "failed": False,
        "min_tokens": 0,
        "max_tokens": 250,
        "min_response_time_ms": 5,
        "max_response_time_ms": 80,
        "search": "alpha",
    },
    lambda r: (
        SINCE <= r.created_at < UNTIL
        and r.model == "llama3"
        and r.error is None
        and r.total_tokens is not None
        and r.response_time_ms is not None
        and has_word(r, "alpha")
    ),
)
SEARCHES: dict[str, Case] = {
    "both words": (
        {"search": "alpha beta"},
        lambda r: has_word(r, "alpha") and has_word(r, "beta"),
    ),
    "words, however they are written": ({"search": '"gamma, -DELTA or'}, lambda _: False),
    "punctuation": ({"search": "(delta)!"}, lambda r: has_word(r, "delta")),
    "no word at all": ({"search": "?!"}, lambda _: False),
    "unknown model": ({"model": "gpt"}, lambda _: False),
}
CASES = {"none": NONE, **FILTERS, **TOGETHER, "every filter": EVERY, **SEARCHES}


async def walk(db: salacia.Database, limit: int, **given: Any) -> list[salacia.Message]:
    """Every message, page by page; the way back has to meet the same."""
    page = await db.messages.search(limit=limit, **given)
    seen = [*page]
    while page.next is not None:
        page = await db.messages.search(limit=limit, after=page.next, **given)
        seen += page
    back = [*page]
    while page.previous is not None:
        page = await db.messages.search(limit=limit, before=page.previous, **given)
        back = [*page, *back]
    assert back == seen
    return seen


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_lists_by(
    listed: tuple[salacia.Database, list[salacia.AiInteraction]], case: Case
) -> None:
    db, rows = listed
    given, keep = case
    ids = [row.id for row in rows if keep(row)]
    found = await db.messages.search(**given, limit=1000, total=True)
    assert [m.id for m in found] == ids[::-1], "newest first unless asked otherwise"
    assert (found.total, found.next) == (len(ids), None)
    assert [m.id for m in await walk(db, 40, **given, sort="oldest")] == ids
    assert [m.id for m in await walk(db, 40, **given)] == ids[::-1]


def test_every_filter_is_tried_with_every_other() -> None:
    method = signature(salacia.messages.MessagesQueries.search)
    own = {"self", "sort", "limit", "after", "before", "total", "provider_id"}
    tried = {frozenset(given) for given, _ in CASES.values()}
    names = sorted(method.parameters.keys() - own)
    assert {frozenset(pair) for pair in combinations(names, 2)} <= tried
    assert EVERY[0].keys() == set(names)


@pytest.mark.asyncio(loop_scope="module")
async def test_lists_by_provider(
    listed: tuple[salacia.Database, list[salacia.AiInteraction]],
) -> None:
    db, rows = listed
    provider = next(r.provider_id for r in rows if r.provider_id)
    for given, keep in (NONE, *FILTERS.values()):
        ids = [row.id for row in rows if row.provider_id == provider and keep(row)]
        found = await db.messages.search(**given, provider_id=provider, limit=1000)
        assert [m.id for m in found] == ids[::-1]
        assert {m.provider_name for m in found} <= {"first", "second"}


ORDERS: dict[str, tuple[Callable[[salacia.Message], Any], bool]] = {
    "newest": (lambda m: (m.created_at, m.id), True),
    "id": (lambda m: m.id, False),
    "model": (lambda m: (m.model, m.created_at, m.id), False),
    "most_tokens": (lambda m: (m.total_tokens is not None, m.total_tokens or 0, m.id), True),
    "slowest": (lambda m: (m.response_time_ms is not None, m.response_time_ms or 0, m.id), True),
}
REVERSED = {
    "newest": "oldest",
    "id": "id_descending",
    "model": "model_descending",
    "most_tokens": "fewest_tokens",
    "slowest": "fastest",
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("sort", ORDERS)
async def test_sorts_both_ways_in_pages_of_any_number(
    listed: tuple[salacia.Database, list[salacia.AiInteraction]], sort: Any
) -> None:
    db, _ = listed
    everything = await db.messages.search(limit=1000)
    key, descending = ORDERS[sort]
    ids = [m.id for m in sorted(everything, key=key, reverse=descending)]
    for order, expected in ((sort, ids), (REVERSED[sort], ids[::-1])):
        assert [m.id for m in await walk(db, 40, sort=order)] == expected
        pages = [
            await db.messages.search_numbered(sort=order, limit=40, page=n)
            for n in range(1, len(ids) // 40 + 3)
        ]
        assert [m.id for page in pages for m in page] == expected
        assert {(page.total, page.pages) for page in pages} == {(len(ids), -(-len(ids) // 40))}


async def test_an_order_that_there_is_not_is_told_without_a_stack_of_sql(
    db: salacia.Database,
) -> None:
    with pytest.raises(InvalidArgument, match="`sort` has no such value; it is one of 'newest'"):
        await db.messages.search(sort="cheapest")  # type: ignore[arg-type]


async def test_rows_that_come_and_go_don_t_disturb_a_cursor(db: salacia.Database) -> None:
    rows = await load(db)
    first = await db.messages.search(limit=10)
    await db.ai_interactions.create(model="new", request={}, created_at=first.items[3].created_at)
    await db.execute("delete from ai_interactions where id = $1", first.items[-1].id)
    following = await db.messages.search(limit=10, after=first.next)
    assert [m.id for m in following] == [r.id for r in rows[::-1][10:20]]


async def test_a_message_carries_what_its_row_says(db: salacia.Database) -> None:
    rows = {row.id: row for row in await load(db)}
    names = {p.id: p.name for p in await db.ai_providers.active()}
    for message in await db.messages.search(limit=len(rows)):
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
            ("part", "claude"),
        ),
        ({"messages": [{"content": [{"type": "image"}]}]}, None, ('[{"type": "image"}]', None)),
        ({"prompt": "Hello"}, {"completion": "Hi there!"}, ("Hello", "Hi there!")),
        ({"input": "Hello"}, {"response": "Hi there!"}, ("Hello", "Hi there!")),
        (
            {"input": [{"content": [{"type": "input_text", "text": "asked"}]}]},
            {"output": [{"content": [{"type": "output_text", "text": "told"}]}]},
            ("asked", "told"),
        ),
        (
            {"contents": [{"parts": [{"text": "one"}]}, {"parts": [{"text": "two"}]}]},
            {"candidates": [{"content": {"parts": [{"text": "three"}]}}]},
            ("two", "three"),
        ),
        ({"input": [{"content": "plain"}]}, {"choices": [{"text": "old"}]}, ("plain", "old")),
        ({"prompt": ["first", "second"]}, None, ("first", None)),
        ({"messages": []}, {"message": {"content": "llama"}}, ('{"messages": []}', "llama")),
        ({}, {"other": 1}, ("{}", '{"other": 1}')),
        ([1, "ü"], "text", ('[1, "ü"]', '"text"')),
    ],
)
async def test_previews_show_the_text_of_every_format(
    db: salacia.Database, request_: Any, response: Any, previews: tuple[str, str | None]
) -> None:
    await db.ai_interactions.create(model="m", request=request_, response=response)
    (message,) = await db.messages.search()
    assert (message.request_preview, message.response_preview) == previews


async def test_one_message_comes_whole_with_its_provider(db: salacia.Database) -> None:
    rows = await load(db)
    with_provider = next(r for r in rows if r.provider_id)
    without = next(r for r in rows if r.provider_id is None)
    found = await db.messages.get(id=with_provider.id)
    assert found is not None
    assert of_row(found) == with_provider
    assert found.provider_name in ("first", "second")
    lone = await db.messages.get(id=without.id)
    assert lone is not None
    assert (of_row(lone), lone.provider_name, lone.provider_type) == (without, None, None)
    assert await db.messages.get(id=UUID(int=0)) is None


def of_row(message: salacia.MessageDetail) -> salacia.AiInteraction:
    values = asdict(message) | {"errored": message.error is not None}
    return salacia.AiInteraction(*map(values.get, salacia.AiInteraction.__struct_fields__))
