"""sql/statistics.sql against a plain list: the figures of every filter, and the dashboard's."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from exchanges import load
from test_sql_messages import CASES, SINCE, UNTIL, Case

import salacia


def summary(rows: list[salacia.AiInteraction]) -> salacia.Summary:
    """What a plain list says of itself."""
    successful = sum(r.error is None and r.status_code == 200 for r in rows)
    failed = sum(r.error is not None or r.status_code not in (None, 200) for r in rows)
    times = [r.response_time_ms for r in rows if r.response_time_ms is not None]
    models = sorted(Counter(r.model for r in rows).items(), key=lambda item: (-item[1], item[0]))
    return salacia.Summary(
        total=len(rows),
        successful=successful,
        failed=failed,
        success_rate=pytest.approx(100 * successful / len(rows)) if rows else None,
        total_tokens=sum(r.total_tokens or 0 for r in rows),
        average_response_time_ms=pytest.approx(sum(times) / len(times)) if times else None,
        most_used_model=models[0][0] if models else None,
        distinct_models=len(models),
    )


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_figures_by(
    listed: tuple[salacia.Database, list[salacia.AiInteraction]], case: Case
) -> None:
    db, loaded = listed
    given, keep = case
    rows = [row for row in loaded if keep(row)]
    found = await db.statistics.summary(**given)
    assert found == summary(rows)
    assert found.successful + found.failed <= found.total


@pytest.mark.asyncio(loop_scope="module")
async def test_figures_by_provider(
    listed: tuple[salacia.Database, list[salacia.AiInteraction]],
) -> None:
    db, rows = listed
    provider = next(r.provider_id for r in rows if r.provider_id)
    found = await db.statistics.summary(provider_id=provider, since=SINCE, until=UNTIL)
    assert found == summary(
        [r for r in rows if r.provider_id == provider and SINCE <= r.created_at < UNTIL]
    )


async def test_figures_of_nothing(db: salacia.Database) -> None:
    nothing = salacia.Summary(
        total=0,
        successful=0,
        failed=0,
        success_rate=None,
        total_tokens=0,
        average_response_time_ms=None,
        most_used_model=None,
        distinct_models=0,
    )
    assert await db.statistics.summary() == nothing
    assert await db.statistics.summary(provider_id=UUID(int=1)) == nothing
    assert [(p.period, p.total, p.most_used_model) for p in await db.statistics.periods()] == [
        ("5 minutes", 0, None),
        ("24 hours", 0, None),
        ("all", 0, None),
    ]
    assert len(await db.statistics.hourly()) == 24
    assert await db.statistics.top_models() == []


async def recorded(db: salacia.Database, ago: timedelta, **values: Any) -> salacia.AiInteraction:
    values = {"model": "gpt-4", "status_code": 200} | values
    return await db.ai_interactions.create(request={}, created_at=datetime.now(UTC) - ago, **values)


async def test_the_dashboard_s_periods_hold_what_was_recorded_in_them(
    db: salacia.Database,
) -> None:
    now = [await recorded(db, timedelta(minutes=n), total_tokens=n) for n in (1, 4)]
    day = [await recorded(db, timedelta(hours=n), response_time_ms=n) for n in (1, 23)]
    ever = [await recorded(db, timedelta(days=n), model="old", error="e") for n in (2, 3, 400)]
    expected = {"5 minutes": now, "24 hours": now + day, "all": now + day + ever}
    found = await db.statistics.periods()
    assert [period.period for period in found] == list(expected)
    for period in found:
        model = summary(expected[period.period])
        for figure in salacia.Summary.__struct_fields__:
            assert getattr(period, figure) == getattr(model, figure), (period.period, figure)


async def test_the_hourly_series_has_every_hour_and_counts_each_once(
    db: salacia.Database,
) -> None:
    ages = [timedelta(0), timedelta(0), timedelta(hours=2), timedelta(hours=23, minutes=-1)]
    rows = [
        await recorded(db, age, total_tokens=3, response_time_ms=n, error="e" if n == 1 else None)
        for n, age in enumerate(ages)
    ]
    await recorded(db, timedelta(hours=25))
    series = await db.statistics.hourly()
    hours = [point.hour for point in series]
    assert len(hours) == 24
    assert all(b - a == timedelta(hours=1) for a, b in pairwise(hours))
    assert hours[-1] == datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for point in series:
        inside = [r for r in rows if point.hour <= r.created_at < point.hour + timedelta(hours=1)]
        expected = summary(inside)
        assert point.total == expected.total
        assert point.failed == expected.failed
        assert point.total_tokens == expected.total_tokens
        assert point.average_response_time_ms == expected.average_response_time_ms
    assert sum(point.total for point in series) == len(rows)


async def test_the_models_used_most_come_first(db: salacia.Database) -> None:
    for model, times in {"a": 1, "b": 3, "c": 2, "d": 2, "e": 4, "f": 1}.items():
        for _ in range(times):
            await recorded(db, timedelta(hours=1), model=model, total_tokens=10)
    await recorded(db, timedelta(hours=25), model="a")
    found = [(m.model, m.total, m.total_tokens) for m in await db.statistics.top_models()]
    assert found == [("e", 4, 40), ("b", 3, 30), ("c", 2, 20), ("d", 2, 20), ("a", 1, 10)]
    assert len(await db.statistics.top_models(limit=2)) == 2


async def test_a_page_and_its_figures_agree_in_one_snapshot(db: salacia.Database) -> None:
    await load(db, 30)
    async with db.unit_of_work(isolation="repeatable read", read_only=True) as uow:
        page = await uow.messages.search(limit=100)
        await db.ai_interactions.create(model="late", request={})
        figures = await uow.statistics.summary()
    assert len(page) == figures.total == 30
