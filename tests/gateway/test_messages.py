"""Messages as the gateway's services give them: pages, cursors, figures of one moment, errors."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

import salacia
from salacia_db.gateway import MessageFilter, Missing, messages, statistics
from salacia_db.runtime import (
    CheckViolation,
    InvalidArgument,
    InvalidCursor,
    InvalidValue,
    NotFound,
    UsageError,
    uuid7,
)

t, p = salacia.tables.ai_interactions, salacia.tables.ai_providers


async def fill(db: salacia.Database, count: int, **values: Any) -> list[salacia.AiInteraction]:
    """So many interactions, oldest first."""
    values = {"model": "gpt-4", "request": {"prompt": "Hello"}, "status_code": 200} | values
    return [await db.ai_interactions.create(**values) for _ in range(count)]


# --- one message ----------------------------------------------------------------------------------


async def test_a_message_comes_with_its_provider(db: salacia.Database) -> None:
    provider = await db.ai_providers.create(name="OpenAI", type="openai")
    (row,) = await fill(db, 1, provider_id=provider.id, response={"completion": "Hi"})
    for given in (row.id, str(row.id), str(row.id).upper()):
        message = await messages.get(db, given)
        assert message.id == row.id
        assert (message.provider_id, message.provider_name) == (provider.id, "OpenAI")
        assert message.provider_type == "openai"
        assert (message.request, message.response) == (row.request, row.response)
        assert message.is_success


@pytest.mark.parametrize("id", ["", "42", "not-a-uuid", "0198" * 9, None, 42, b"x" * 16])
async def test_what_is_no_uuid_is_told_before_the_database_is_asked(id: Any) -> None:
    nowhere = salacia.connect("postgresql://nowhere", profile="test")
    with pytest.raises(InvalidArgument, match="`id` has to be a UUID") as caught:
        await messages.get(nowhere, id)
    assert caught.value.parameter == "id"


async def test_a_message_that_is_not_there_is_missing(db: salacia.Database) -> None:
    with pytest.raises(Missing, match="no such message") as caught:
        await messages.get(db, uuid7())
    assert isinstance(caught.value, NotFound)


# --- pages by number ------------------------------------------------------------------------------


async def test_a_page_says_where_it_is_and_what_all_of_them_amount_to(
    db: salacia.Database,
) -> None:
    rows = await fill(db, 5, total_tokens=2)
    await fill(db, 1, model="other", error="timeout")
    found = await messages.page(db, MessageFilter(model="gpt-4"), page=2, limit=2)
    assert [m.id for m in found.items] == [rows[2].id, rows[1].id]
    assert (found.page, found.limit, found.total, found.total_pages) == (2, 2, 5, 3)
    assert (found.has_next, found.has_previous) == (True, True)
    assert (found.statistics.total, found.statistics.total_tokens) == (5, 10)
    last = await messages.page(db, MessageFilter(model="gpt-4"), page=3, limit=2)
    assert (len(last.items), last.has_next, last.has_previous) == (1, False, True)
    beyond = await messages.page(db, MessageFilter(model="gpt-4"), page=4, limit=2)
    assert (beyond.items, beyond.total, beyond.statistics.total) == ([], 5, 5)


async def test_a_page_of_nothing(db: salacia.Database) -> None:
    found = await messages.page(db)
    assert (found.items, found.total, found.total_pages) == ([], 0, 0)
    assert (found.has_next, found.has_previous) == (False, False)
    assert (found.statistics.success_rate, found.statistics.most_used_model) == (None, None)


async def test_page_total_and_figures_are_of_one_moment_while_others_write(
    db: salacia.Database,
) -> None:
    done = asyncio.Event()

    async def write() -> int:
        written = 0
        while not done.is_set():
            written += len(await fill(db, 5, total_tokens=1))
        return written

    writer = asyncio.create_task(write())
    try:
        seen = [await messages.page(db, MessageFilter(model="gpt-4"), limit=100) for _ in range(40)]
    finally:
        done.set()
        assert await writer > 0
    assert len({found.total for found in seen}) > 1, "somebody wrote meanwhile"
    for found in seen:
        assert found.total == found.statistics.total == found.statistics.total_tokens
        assert len(found.items) == min(100, found.total)


async def test_a_unit_of_work_has_to_see_one_moment_for_a_page(db: salacia.Database) -> None:
    await fill(db, 1)
    async with db.unit_of_work() as uow:
        with pytest.raises(UsageError, match="isolation='repeatable read'"):
            await messages.page(uow)
        assert (await messages.browse(uow)).items, "the unit goes on"
    for isolation in ("repeatable read", "serializable"):
        async with db.unit_of_work(isolation=isolation) as uow:
            before = await messages.page(uow)
            await fill(db, 1)
            after = await messages.page(uow)
            assert (after.total, after.statistics.total) == (before.total, before.total)


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({"page": 0}, "page"),
        ({"page": -1}, "page"),
        ({"page": "2"}, "page"),
        ({"page": True}, "page"),
        ({"page": 2**62}, "page"),
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": 2.0}, "limit"),
        ({"sort": "cheapest"}, "sort"),
        ({"where": MessageFilter(min_tokens=2**31)}, "min_tokens"),
    ],
)
async def test_what_no_page_can_be_is_told_by_its_name(
    db: salacia.Database, given: dict[str, Any], parameter: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await messages.page(db, **given)
    assert caught.value.parameter == parameter


@pytest.mark.parametrize("name", ["since", "until"])
def test_a_time_without_a_time_zone_is_refused(name: str) -> None:
    naive: Any
    for naive in (datetime(2026, 1, 1), "2026-01-01"):
        with pytest.raises(InvalidArgument, match="a time with a time zone"):
            MessageFilter(**{name: naive})
    MessageFilter(**{name: datetime(2026, 1, 1, tzinfo=UTC)})


async def test_a_blank_term_searches_for_nothing_in_particular(db: salacia.Database) -> None:
    await fill(db, 2)
    for term in ("", "  "):
        assert (await messages.page(db, MessageFilter(search=term))).total == 2
    assert (await messages.page(db, MessageFilter(search="hello"))).total == 2
    assert (await messages.page(db, MessageFilter(search="bye"))).total == 0


@pytest.mark.parametrize("name", ["model", "search"])
@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
async def test_a_text_that_postgresql_can_t_hold_is_the_caller_s_mistake(
    db: salacia.Database, name: str, value: str
) -> None:
    where = MessageFilter(**{name: value})  # type: ignore[arg-type]
    for call in (messages.browse(db, where), statistics.summary(db, where)):
        with pytest.raises((InvalidArgument, InvalidValue)) as caught:
            await call
        assert value not in str(caught.value)


# --- pages by cursor ------------------------------------------------------------------------------


async def test_a_walk_forwards_and_back(db: salacia.Database) -> None:
    ids = [row.id for row in await fill(db, 5)]
    first = await messages.browse(db, sort="oldest", limit=2)
    assert [m.id for m in first.items] == ids[:2]
    assert (first.has_more, first.previous_cursor) == (True, None)
    second = await messages.browse(db, sort="oldest", limit=2, after=first.next_cursor)
    third = await messages.browse(db, sort="oldest", limit=2, after=second.next_cursor)
    assert [m.id for m in third.items] == ids[4:]
    assert (third.has_more, third.next_cursor) == (False, None)
    back = await messages.browse(db, sort="oldest", limit=2, before=third.previous_cursor)
    assert [m.id for m in back.items] == ids[2:4]
    assert back.has_more, "more lie before"
    start = await messages.browse(db, sort="oldest", limit=2, before=back.previous_cursor)
    assert [m.id for m in start.items] == ids[:2]
    assert (start.has_more, start.previous_cursor) == (False, None)


async def test_a_cursor_survives_what_is_written_beside_it(db: salacia.Database) -> None:
    ids = [row.id for row in await fill(db, 6)]
    first = await messages.browse(db, limit=2)
    await fill(db, 3)
    await db.execute("delete from ai_interactions where id = $1", ids[4])
    rest = await messages.browse(db, limit=100, after=first.next_cursor)
    assert [m.id for m in rest.items] == ids[3::-1]


async def test_a_damaged_or_foreign_cursor_is_told(db: salacia.Database) -> None:
    await fill(db, 3)
    cursor = (await messages.browse(db, limit=1)).next_cursor
    assert cursor is not None
    damaged = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    for call in (
        messages.browse(db, after=damaged),
        messages.browse(db, after="nonsense"),
        messages.browse(db, before=""),
        messages.browse(db, after=cursor, sort="oldest"),
        messages.browse(db, MessageFilter(model="gpt-4"), after=cursor),
        messages.browse(db, MessageFilter(search="hello"), after=cursor),
    ):
        with pytest.raises(InvalidCursor):
            await call
    with pytest.raises(InvalidArgument):
        await messages.browse(db, limit=101)
    with pytest.raises(InvalidArgument, match="`before` has to be left out where `after` is given"):
        await messages.browse(db, after=cursor, before=cursor)


# --- with whole providers -------------------------------------------------------------------------


async def test_interactions_come_with_their_provider_each_filtered(db: salacia.Database) -> None:
    mine = await db.ai_providers.create(name="mine", type="openai")
    off = await db.ai_providers.create(name="off", type="groq", is_active=False)
    (a,) = await fill(db, 1, provider_id=mine.id)
    (b,) = await fill(db, 1, provider_id=off.id)
    (c,) = await fill(db, 1)
    await fill(db, 1, provider_id=mine.id, error="timeout")
    found = await messages.with_providers(db, t.error.isnull(), provider=p.is_active)
    assert [(each.interaction, each.provider) for each in found] == [
        (c, None),
        (b, None),
        (a, mine),
    ]
    assert [each.provider for each in await messages.with_providers(db, t.id == b.id)] == [off]
    assert len(await messages.with_providers(db, limit=1)) == 1


# --- figures --------------------------------------------------------------------------------------


async def test_figures_of_a_filter(db: salacia.Database) -> None:
    await fill(db, 3, total_tokens=10, response_time_ms=20)
    await fill(db, 1, status_code=500)
    figures = await statistics.summary(db, MessageFilter(min_tokens=1))
    assert (figures.total, figures.successful, figures.success_rate) == (3, 3, 100)
    assert (figures.total_tokens, figures.average_response_time_ms) == (30, 20)
    assert (await statistics.summary(db)).success_rate == 75


async def test_the_dashboard_is_of_one_moment(db: salacia.Database) -> None:
    await fill(db, 3, total_tokens=10)
    dashboard = await statistics.dashboard(db)
    assert dashboard.periods == await statistics.periods(db)
    assert dashboard.periods.last_5_minutes == await statistics.summary(db)
    assert dashboard.periods.last_24_hours == dashboard.periods.overall
    assert dashboard.hourly == await statistics.hourly(db)
    assert sum(hour.total for hour in dashboard.hourly) == 3
    assert [(m.model, m.total) for m in dashboard.top_models] == [("gpt-4", 3)]
    assert dashboard.top_models == await statistics.top_models(db, limit=1)
    with pytest.raises(InvalidArgument):
        await statistics.top_models(db, limit=0)


async def test_ids_of_messages_that_are_not_ours_find_nothing(db: salacia.Database) -> None:
    assert (await messages.page(db, MessageFilter(provider_id=UUID(int=1)))).total == 0
    with pytest.raises(CheckViolation):
        await fill(db, 1, total_tokens=-1)
