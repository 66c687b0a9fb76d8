"""Every subset of the filters, in every order, by both kinds of page, against a plain list.

There are 1,536 subsets (each filter is given or not, `failed` also either way) and ten orders. By
default each subset is walked in one order by number and in one by cursor, such that each order
meets every pair of filters; `SALACIA_COMBINATIONS=all` walks all 30,720.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from itertools import combinations, product
from math import isclose
from typing import Any, cast, get_args

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

import salacia
from salacia_db.gateway import MessageFilter, messages, statistics
from salacia_db.postgres.scratch import ScratchDatabases
from tests.gateway.made_up import (
    FILTERS,
    MINUTES,
    MODELS,
    ORDERS,
    START,
    TIMES,
    TOKENS,
    WORDS,
    Model,
    Row,
    load,
    summary,
)

ALL = os.environ.get("SALACIA_COMBINATIONS") == "all"
WORKERS = 4
SORTS = list(ORDERS)

Loaded = tuple[salacia.Database, Model]
Case = tuple[MessageFilter, str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def loaded(databases: ScratchDatabases, template: str) -> AsyncIterator[Loaded]:
    """A database to read from only, and the same rows as a list."""
    with databases.database(template=template) as made:
        async with salacia.connect(made, profile="test", timeout=120, pool_acquire=120) as opened:
            model = await load(opened)
            await opened.execute("analyze")
            yield opened, model


def subsets(model: Model) -> list[MessageFilter]:
    """Each filter given or not, with values that most rows match."""
    choices: dict[str, tuple[Any, ...]] = {
        "model": (None, MODELS[0]),
        "provider_id": (None, model.providers[0]),
        "since": (None, START + timedelta(minutes=6)),
        "until": (None, START + timedelta(minutes=34)),
        "failed": (None, False, True),
        "min_tokens": (None, 0),
        "max_tokens": (None, 250),
        "min_response_time_ms": (None, 5),
        "max_response_time_ms": (None, 80),
        "search": (None, "alpha"),
    }
    return [MessageFilter(**dict(zip(choices, v, strict=True))) for v in product(*choices.values())]


def cases(model: Model) -> list[Case]:
    """Subsets with the order by number and the order by cursor."""
    if ALL:
        return [(where, sort, sort) for where in subsets(model) for sort in SORTS]
    dice = random.Random(1)
    return [(where, dice.choice(SORTS), dice.choice(SORTS)) for where in subsets(model)]


def given_names(where: MessageFilter) -> set[str]:
    return {name for name, value in asdict(where).items() if value is not None}


# --- the walks ------------------------------------------------------------------------------------


async def by_number(db: salacia.Database, where: MessageFilter, sort: Any, rows: list[Row]) -> int:
    """Every page by its number, and what each says of itself; returns how many there were."""
    limit = min(100, len(rows) // 2 + 1)
    pages = -(-len(rows) // limit)
    seen: list[Any] = []
    for number in range(1, max(pages, 1) + 1):
        found = await messages.page(db, where, sort=sort, page=number, limit=limit)
        assert (found.total, found.total_pages) == (len(rows), pages)
        assert (found.has_next, found.has_previous) == (number < pages, number > 1)
        assert same(found.statistics, summary(rows))
        seen += found.items
    check(seen, rows)
    return max(pages, 1)


async def by_cursor(db: salacia.Database, where: MessageFilter, sort: Any, rows: list[Row]) -> int:
    """Forwards to the end, and back to the start; returns how many pages there were."""
    limit = min(100, len(rows) // 3 + 1)
    seen: list[list[Any]] = []
    after: str | None = None
    while True:
        found = await messages.browse(db, where, sort=sort, limit=limit, after=after)
        seen.append(found.items)
        assert (found.previous_cursor is None) == (after is None)
        assert found.has_more == (found.next_cursor is not None)
        after = found.next_cursor
        if after is None:
            break
    check([item for page in seen for item in page], rows)
    walked = len(seen)
    # The last page is followed by those before it, the nearest first.
    while found.previous_cursor is not None:
        before = found.previous_cursor
        found = await messages.browse(db, where, sort=sort, limit=limit, before=before)
        walked += 1
        # Pages back are cut from the other end, so that their rows are compared, not the pages.
        at = sum(len(page) for page in seen[:-1]) - (walked - len(seen)) * limit
        assert [m.id for m in found.items] == [r.id for r in rows[max(at, 0) : at + limit]]
        assert found.has_more == (at > 0)
    return walked


def check(seen: Iterable[salacia.Message], rows: list[Row]) -> None:
    """The messages are these rows, in this order, and each says what its row says."""
    found = list(seen)
    assert [message.id for message in found] == [row.id for row in rows]
    for message, row in zip(found, rows, strict=True):
        assert (message.created_at, message.model) == (row.created_at, row.model)
        assert (message.total_tokens, message.error) == (row.total_tokens, row.error)
        assert message.response_time_ms == row.response_time_ms


def same(found: salacia.Summary, expected: salacia.Summary) -> bool:
    """Whether the figures are equal, shares and averages to the last bits."""
    return all(
        one == other or (isinstance(other, float) and isclose(one, other))
        for one, other in zip(asdict(found).values(), asdict(expected).values(), strict=True)
    )


# --- the tests ------------------------------------------------------------------------------------


@pytest.mark.asyncio(loop_scope="module")
async def test_every_subset_of_the_filters_in_both_kinds_of_page(loaded: Loaded) -> None:
    db, model = loaded
    left = iter(cases(model))
    walked: Counter[str] = Counter()

    async def work() -> None:
        for where, numbered, cursored in left:
            pages = await by_number(db, where, numbered, model.find(where, numbered))
            walked.update({"by number": 1, "pages by number": pages})
            pages = await by_cursor(db, where, cursored, model.find(where, cursored))
            walked.update({"by cursor": 1, "pages by cursor": pages})

    async with asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            group.create_task(work())
    print(dict(walked))
    assert walked["by number"] == walked["by cursor"] == 1536 * (10 if ALL else 1)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_data_tells_filters_and_orders_apart(loaded: Loaded) -> None:
    _, model = loaded
    assert len(model.rows) >= 500
    for name in FILTERS:
        (alone,) = (w for w in subsets(model) if given_names(w) == {name} and w.failed is not True)
        assert 20 < len(model.find(alone, "newest")) < len(model.rows) - 20, name
    assert len({tuple(row.id for row in model.find(messages.ALL, sort)) for sort in SORTS}) == 10
    assert len({row.created_at for row in model.rows}) == MINUTES, "a dozen share each time"
    matched = [len(model.find(where, "newest")) for where in subsets(model)]
    assert sum(count > 0 for count in matched) > 1000
    assert any(row.total_tokens is None for row in model.rows)


@pytest.mark.asyncio(loop_scope="module")
async def test_each_pair_of_filters_meets_each_order_in_both_kinds_of_page(loaded: Loaded) -> None:
    _, model = loaded
    wanted = {(pair, sort) for pair in combinations(sorted(FILTERS), 2) for sort in SORTS}
    for kind in (1, 2):
        met = {
            (pair, cast("str", case[kind]))
            for case in cases(model)
            for pair in combinations(sorted(given_names(case[0])), 2)
        }
        assert wanted <= met


def test_the_orders_are_those_of_the_service() -> None:
    assert tuple(SORTS) == get_args(messages.MessageSort)
    assert set(FILTERS) == set(MessageFilter.__struct_fields__)


_MOMENTS = st.integers(-1, MINUTES + 1).map(lambda n: START + timedelta(minutes=n))
_TOKENS = st.sampled_from([n for n in TOKENS if n is not None]) | st.integers(-1, 5000)
_TIMES = st.sampled_from([n for n in TIMES if n is not None]) | st.integers(-1, 1100)


@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
@pytest.mark.asyncio(loop_scope="module")
async def test_any_values_in_any_order(loaded: Loaded, data: st.DataObject) -> None:
    db, model = loaded
    values: dict[str, st.SearchStrategy[Any]] = {
        "model": st.sampled_from([*MODELS, "gpt"]),
        "provider_id": st.sampled_from([*model.providers, model.rows[0].id]),
        "since": _MOMENTS,
        "until": _MOMENTS,
        "failed": st.booleans(),
        "min_tokens": _TOKENS,
        "max_tokens": _TOKENS,
        "min_response_time_ms": _TIMES,
        "max_response_time_ms": _TIMES,
        "search": st.sampled_from([*WORDS, "alpha beta", "Gamma ALPHA", "delta", " "]),
    }
    names = data.draw(st.sets(st.sampled_from(sorted(values)), max_size=4))
    where = MessageFilter(**{name: data.draw(values[name], label=name) for name in sorted(names)})
    sort = data.draw(st.sampled_from(SORTS), label="sort")
    rows = model.find(where, sort)
    await by_number(db, where, sort, rows)
    await by_cursor(db, where, sort, rows)
    assert same(await statistics.summary(db, where), summary(rows))
