"""Lone statements on a database."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from items import DELETE, GET, Database, Item, StaleItem

from salacia_db.runtime import NotFound, Statement, UsageError


async def test_rows_come_back_as_structs(db: Database) -> None:
    made = await db.items.insert(1, "one", 5, {"a": [1, None, "x"]})
    assert made == Item(1, "one", 5, {"a": [1, None, "x"]})
    assert await db.items.get(id=1) == made
    assert await db.items.list() == [made]


async def test_no_row_is_none_or_the_statements_own_error(db: Database) -> None:
    assert await db.items.get(id=1) is None
    with pytest.raises(StaleItem, match=r"items\.get: no such row") as caught:
        await db.items.must_get(id=1)
    assert isinstance(caught.value, NotFound)
    assert caught.value.statement == "items.get"


async def test_affected_rows_are_counted(db: Database) -> None:
    assert await db.items.add(1) == 1
    assert await db.items.add(2) == 1
    assert await db.items.raise_all(1) == 2
    assert await db.items.delete(1) == 1
    assert await db.items.delete(1) == 0


async def test_a_value_comes_without_its_row(db: Database) -> None:
    assert await db.session.fetchval(GET, 1) is None
    await db.items.insert(1)
    assert await db.session.fetchval(GET, 1) == 1


async def test_raw_sql_runs_as_it_is(db: Database) -> None:
    assert await db.execute("insert into item values ($1, 'a')", 1) == 1
    assert await db.execute("select 1; insert into item values (2, 'b'), (3, 'c')") == 2
    assert [tuple(row) for row in await db.fetch("select id from item order by 1")] == [
        (1,),
        (2,),
        (3,),
    ]
    assert await db.fetchval("select name from item where id = $1", 2) == "b"
    row = await db.fetchrow("select id, name from item where id = 3")
    assert row is not None
    assert tuple(row) == (3, "c")


async def test_json_goes_both_ways_in_every_place(db: Database) -> None:
    value = {"text": "ü", "n": 1.5, "list": [1, {"x": None}]}
    assert await db.fetchval("select $1::jsonb", value) == value
    assert await db.fetchval("select $1::json", value) == value
    assert await db.fetchval("select array[$1::jsonb]", value) == [value]
    row = await db.fetchval("select r from (select 1 as a, $1::jsonb as b) r", value)
    assert tuple(row) == (1, value)
    assert await db.fetchval("select $1::jsonb", Item(1, "a", 2, None)) == {
        "id": 1,
        "name": "a",
        "amount": 2,
        "note": None,
    }


async def test_statements_held_by_a_connection_are_bounded(connect) -> None:
    db = await connect(pool_max=1, prepared_statements=3)
    statements = [
        Statement(f"s.{n}", f"-- s.{n}\nselect {n}", read_only=True, clean=True) for n in range(6)
    ]
    count = Statement(
        "s.count",
        "select count(*) from pg_prepared_statements where statement like '-- s.%'",
        read_only=True,
        clean=True,
    )
    for statement in statements:
        await db.session.fetchval(statements[0])
        await db.session.fetchval(statement)
    assert await db.session.fetchval(statements[0]) == 0
    await db.session.fetchval(Statement("s.last", "-- s.last\nselect 1"))
    names = await db.fetch("select statement from pg_prepared_statements")
    held = {str(row[0]).split("\n")[0] for row in names}
    # The one used all the time stayed; of the others only the last are left.
    assert "-- s.0" in held
    assert "-- s.5" in held
    assert not held & {"-- s.1", "-- s.2", "-- s.3"}
    assert await db.session.fetchval(count) <= 3


async def test_a_changed_schema_is_noticed_and_healed(db: Database, bystander) -> None:
    star = Statement("items.star", "select * from item", read_only=True, clean=True)
    await db.items.insert(1)
    assert len((await db.session.fetch(star))[0]) == 4
    await bystander.execute("alter table item add column extra int default 7")
    assert (await db.session.fetch(star))[0][-1] == 7
    await bystander.execute("alter table item alter column extra type text")
    assert (await db.session.fetch(star))[0][-1] == "7"


async def test_a_changed_composite_is_noticed_and_healed(connect, bystander) -> None:
    db = await connect(pool_max=2)
    whole = Statement("items.whole", "select i from item i", read_only=True, clean=True)
    await db.items.insert(1)
    assert len((await db.session.fetch(whole))[0][0]) == 4
    await bystander.execute("alter table item add column extra int default 7")
    assert (await db.session.fetch(whole))[0][0]["extra"] == 7
    async with db.unit_of_work() as uow:
        assert (await uow.session.fetch(whole))[0][0]["extra"] == 7


async def test_statement_texts_start_with_their_name_on_the_server(db: Database, bystander) -> None:
    await db.session.execute(DELETE, 1)
    seen = await bystander.fetchval(
        "select query from pg_stat_activity where pid <> pg_backend_pid() and datname = "
        "current_database() and application_name = 'salacia_db'"
    )
    assert seen.startswith("-- items.delete\n")


async def test_raw_sql_that_leaves_a_transaction_open_is_told_that_nothing_is_kept(
    db: Database,
) -> None:
    with pytest.raises(UsageError, match="began a transaction"):
        await db.execute("begin; insert into item values (1, 'a')")
    assert await db.fetchval("select count(*) from item") == 0
    assert await db.execute("begin; insert into item values (2, 'b'); commit") == 0
    assert await db.fetchval("select count(*) from item") == 1


async def test_each_connection_may_find_the_schema_changed(connect, bystander) -> None:
    db: Database = await connect(pool_max=3)
    await db.items.insert(1)
    # All at once, so that three connections hold the statement.
    await asyncio.gather(*(db.items.slow_list() for _ in range(3)))
    await bystander.execute("alter table item alter name type varchar")
    for _ in range(2):
        assert await db.items.slow_list() == ["item 1"]


async def test_a_row_that_is_the_only_one_may_come_from_parallel_workers(
    db: Database, connect: Callable[..., Awaitable[Database]]
) -> None:
    """The server starts none where it is asked for a part of the rows."""
    sql = "select count(*), bool_or(backend() <> $1) from item"
    alone = Statement("alone", sql, read_only=True, clean=True)
    first = Statement("first", f"{sql} ", read_only=True, clean=True, first=True)
    await db.execute(
        "create function backend() returns int language plpgsql parallel safe"
        " as $$ begin return pg_backend_pid(); end $$;"
        "insert into item select n, 'item ' || n from generate_series(1, 5000) n; analyze item"
    )
    eager = {
        "min_parallel_table_scan_size": 0,
        "parallel_setup_cost": 0,
        "parallel_tuple_cost": 0,
        "parallel_leader_participation": False,
    }
    async with db.unit_of_work(settings=eager) as uow:
        leader = await uow.fetchval("select pg_backend_pid()")
        assert tuple(await uow.session.fetchrow(alone, leader) or ()) == (5000, True)
        assert tuple(await uow.session.fetchrow(first, leader) or ()) == (5000, False)
    name = await db.fetchval("select current_database()")
    for setting, value in eager.items():
        await db.execute(f'alter database "{name}" set {setting} = {str(value).lower()}')
    # Those of a session that begins now.
    eager_db = await connect(pool_max=1)
    leader = await eager_db.fetchval("select pg_backend_pid()")
    assert tuple(await eager_db.session.fetchrow(alone, leader) or ()) == (5000, True)
    assert tuple(await eager_db.session.fetchrow(first, leader) or ()) == (5000, False)
