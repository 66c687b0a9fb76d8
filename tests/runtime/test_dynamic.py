"""Statements with optional lines at run time: what is chosen, kept, tracked and told to hooks."""

from typing import Any

import asyncpg
import pytest
from items import ALL, XID, Database, Item

from salacia_db.runtime import UNSET, Dynamic, Hooks, InvalidArgument, Updated, When, Write
from salacia_db.runtime.dynamic import _MOST_SHAPES as MOST_SHAPES

SEARCH = Dynamic(
    "items.search",
    (
        f"-- items.search\nselect {ALL} from item where true",
        When(1, " and id = ", 0),
        When(2, " and note is not distinct from ", 1),
        When(4, " and amount > 0"),
        When((1, 6), " and true"),
        " order by ",
        When(8, "id"),
        When(16, "id desc"),
        " limit ",
        2,
    ),
    parameters=("id", "note", "limit"),
    optional={"id": 1, "note": 2},
    nullable=("note",),
    choices={
        "rich": {True: 4, False: 0, None: 0, UNSET: 0},
        "sort": {"oldest": 8, "newest": 16},
    },
    read_only=True,
    clean=True,
)
FOUND = Dynamic(
    "items.change",
    (f"-- items.change\nselect {ALL} from item where id = ", 2),
    parameters=("name", "amount", "id"),
    optional={"name": 1, "amount": 2},
    read_only=True,
    clean=True,
)
CHANGE = Dynamic(
    "items.change",
    (
        "-- items.change\nupdate item set",
        When(1, " name = ", 0),
        When((1, 2), ","),
        When(2, " amount = ", 1),
        " where id = ",
        2,
        f" returning {ALL}",
    ),
    parameters=("name", "amount", "id"),
    optional={"name": 1, "amount": 2},
    suffix=f", {XID}",
    writes=(Write("update", Item, returned=True),),
    clean=True,
    written=3,
    emptied=FOUND,
)


def text(*values: Any) -> tuple[str, tuple[Any, ...]]:
    statement, given = SEARCH.choose(*values)
    sql = statement.sql.removeprefix(f"-- items.search\nselect {ALL} from item where ")
    return sql, tuple(given)


async def change(session: Any, *values: Any) -> Item | None:
    statement, given = CHANGE.choose(*values)
    row = await session.fetchrow(statement, *given)
    return None if row is None else Item(*row)


def test_a_text_has_what_is_given_and_its_parameters_in_their_order() -> None:
    assert text(UNSET, UNSET, 5, UNSET, "oldest") == ("true order by id limit $1", (5,))
    assert text(7, UNSET, 5, False, "newest") == (
        "true and id = $1 order by id desc limit $2",
        (7, 5),
    )
    assert text(7, {}, 5, True, "oldest") == (
        "true and id = $1 and note is not distinct from $2 and amount > 0 and true"
        " order by id limit $3",
        (7, {}, 5),
    )


def test_none_is_absent_where_null_can_t_be_meant_and_a_value_where_it_can() -> None:
    assert text(None, None, 5, None, "oldest") == (
        "true and note is not distinct from $1 order by id limit $2",
        (None, 5),
    )


@pytest.mark.parametrize("value", ["cheapest", None, UNSET, 1, [], {}])
def test_a_choice_that_there_is_not_is_told_with_those_that_there_are(value: object) -> None:
    with pytest.raises(InvalidArgument) as caught:
        SEARCH.choose(1, UNSET, 5, None, value)
    assert str(caught.value) == (
        "items.search: `sort` has no such value; it is one of 'oldest', 'newest'"
    )
    assert caught.value.__cause__ is None


def test_a_shape_is_made_once() -> None:
    first, _ = SEARCH.choose(1, UNSET, 5, None, "oldest")
    second, _ = SEARCH.choose(2, UNSET, 9, False, "oldest")
    other, _ = SEARCH.choose(2, UNSET, 9, True, "oldest")
    assert first is second
    assert other is not first


def test_shapes_that_are_kept_are_bounded() -> None:
    count = MOST_SHAPES.bit_length() + 1
    names = tuple(f"p{i}" for i in range(count))
    many = Dynamic(
        "many",
        ("select 1", *(When(1 << i, " and ", i) for i in range(count))),
        parameters=names,
        optional={name: 1 << i for i, name in enumerate(names)},
    )
    first, _ = many.choose(*[UNSET] * count)
    for number in range(1, MOST_SHAPES + 1):
        values = [number if number >> i & 1 else UNSET for i in range(count)]
        statement, given = many.choose(*values)
        picked = tuple(given)
        assert statement.sql.count("and") == len(picked) == number.bit_count()
    again, _ = many.choose(*[UNSET] * count)
    assert again is not first, "that which was made first went"
    assert again.sql == first.sql


async def test_an_update_that_sets_nothing_reads_its_row_and_tells_no_hook(connect) -> None:
    hooks, told = Hooks(), []

    @hooks.before_update(Item)
    def before(event: object) -> None:
        told.append("before")

    @hooks.after_update(Item)
    def after(event: Updated[Item]) -> None:
        told.append([row.name for row in event.rows])

    db: Database = await connect(hooks=hooks)
    await db.items.insert(1, "one")
    for nothing in (UNSET, None):
        async with db.unit_of_work() as uow:
            found = await change(uow.items._session, nothing, nothing, 1)
            assert found == await uow.items.get(id=1)
        assert told == []
    assert await change(db.items._session, UNSET, UNSET, 2) is None
    async with db.unit_of_work() as uow:
        changed = await change(uow.items._session, "two", UNSET, 1)
        assert changed is not None
        assert (changed.name, changed.amount) == ("two", 0)
    assert told == ["before", ["two"]]


async def test_a_before_hook_changes_what_a_shape_is_given(connect) -> None:
    hooks = Hooks()

    @hooks.before_update(Item)
    def louder(event: Any) -> None:
        event.arguments["name"] = event.arguments["name"].upper()

    db: Database = await connect(hooks=hooks)
    await db.items.insert(1, "one")
    async with db.unit_of_work() as uow:
        changed = await change(uow.items._session, "two", UNSET, 1)
    assert changed is not None
    assert changed.name == "TWO"


async def test_each_shape_s_tracked_text_gives_the_transaction_s_number(db: Database) -> None:
    statement, _ = CHANGE.choose("two", UNSET, 1)
    assert statement.tracked is not None
    assert statement.tracked.sql == f"{statement.sql}, {XID}"
    await db.items.insert(1)
    async with db.unit_of_work() as uow:
        await change(uow.items._session, UNSET, 5, 1)
    found = await db.items.get(id=1)
    assert found is not None
    assert found.amount == 5


async def test_a_shape_heals_when_a_migration_changes_the_table(
    db: Database, bystander: asyncpg.Connection
) -> None:
    await db.items.insert(1)
    statement, given = SEARCH.choose(1, UNSET, 5, None, "oldest")
    picked = tuple(given)
    assert len(await db.items._session.fetch(statement, *picked)) == 1
    await bystander.execute("alter table item alter amount type bigint")
    assert len(await db.items._session.fetch(statement, *picked)) == 1
