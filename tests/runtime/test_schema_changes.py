# ruff: noqa: PT012, ASYNC110 - a unit of work raises at the end of its block; the server is waited for
"""The schema changed while it is in use: statements heal, and callers outside a unit don't notice.

`SALACIA_SCHEMA_CHANGES=500 pytest tests/runtime/test_schema_changes.py -k beside` makes more.
"""

import asyncio
import os
from operator import eq
from typing import Any

import asyncpg
import pytest
from items import Database, Item

from salacia_db.runtime import (
    Batch,
    Hooks,
    InvalidArgument,
    InvalidStatement,
    SchemaChanged,
    Statement,
    retry_safe,
)

TURNS = int(os.environ.get("SALACIA_SCHEMA_CHANGES", "20"))
SIZE = 3
SCHEMA = """
create type mood as enum ('calm', 'wild');
create type place as (x int, mood mood);
create domain code as int check (value > 0);
create table thing (
  id int primary key, n int, mood mood default 'calm', moods mood[], place place, code code
);
insert into thing values (1, 5, 'wild', '{calm}', (1, 'wild'), 3);
"""


def read(name: str, sql: str) -> Statement:
    return Statement(name, sql, read_only=True, clean=True)


def write(name: str, sql: str) -> Statement:
    return Statement(name, sql, clean=True)


SET_PLACE = write("set_place", "update thing set place = $1 where id = 1 returning (place).x")
BY_N = read("by_n", "select id from thing where n >= $1")
STATEMENTS: dict[Statement, tuple[Any, ...]] = {
    read("columns", "select id, n, mood, moods, place from thing"): (),
    read("star", "select * from thing"): (),
    read("whole", "select t from thing t"): (),
    read("all", "select array_agg(t) from thing t"): (),
    BY_N: (5,),
    read("by_mood", "select id from thing where mood = $1"): ("wild",),
    read("by_moods", "select id from thing where mood = any ($1)"): (["wild"],),
    write("set_mood", "update thing set mood = $1 returning mood"): ("wild",),
    write("set_moods", "update thing set moods = $1 returning moods"): (["calm"],),
    write("set_code", "update thing set code = $1 returning code"): (3,),
    read("cast_code", "select $1::code"): (3,),
    SET_PLACE: ((1, "wild"),),
}
_FILL = "update thing set mood = 'wild', moods = '{calm}', place = row(1, 'wild')"
CHANGES = {
    "a column more": "alter table thing add column more int default 7",
    "an int that is a bigint": "alter table thing alter column n type bigint",
    "an int that is a numeric": "alter table thing alter column n type numeric",
    "a label more": "alter type mood add value 'new'",
    "an enum that is a text": "alter table thing alter mood drop default, alter mood type text",
    "another enum under the name": """
        alter type mood rename to old; create type mood as enum ('wild', 'calm');
        alter table thing alter mood drop default, alter mood type mood using mood::text::mood,
          alter moods type mood[] using moods::text[]::mood[], drop place;
        alter type place alter attribute mood type mood;
        alter table thing add place place
    """,
    "types made again": f"""
        alter table thing drop mood, drop moods, drop place, drop code;
        drop type place, mood; drop domain code;
        create type mood as enum ('wild', 'calm'); create type place as (x int, mood mood);
        create domain code as bigint check (value > 1);
        alter table thing add mood mood, add moods mood[], add place place, add code code;
        {_FILL}
    """,
    "the table made again": """
        create table new (like thing including all); insert into new select * from thing;
        drop table thing; alter table new rename to thing
    """,
    "another table under the name": """
        alter table thing rename to old;
        create table thing (code code, place place, moods mood[], mood mood, n bigint, id int);
        insert into thing select code, place, moods, mood, n, id from old
    """,
    "the table in another schema": """
        create schema other; alter table thing set schema other;
        do $$ begin execute format('alter database %I set search_path = other, public',
          current_database()); end $$
    """,
}


@pytest.fixture
async def db(connect, bystander: asyncpg.Connection) -> Database:
    """Each of its connections holds every statement."""
    await bystander.execute(SCHEMA)
    made: Database = await connect(pool_max=SIZE)
    await on_each(made)
    return made


async def on_each(db: Database) -> None:
    together = asyncio.Barrier(SIZE)

    async def hold() -> None:
        async with db.unit_of_work() as uow:
            await together.wait()
            for statement, args in STATEMENTS.items():
                await uow.session.fetch(statement, *args)

    await asyncio.gather(*(hold() for _ in range(SIZE)))


@pytest.mark.parametrize("name", CHANGES)
async def test_outside_a_unit_nobody_notices(db: Database, bystander, name: str) -> None:
    await bystander.execute(CHANGES[name])
    for statement, args in STATEMENTS.items():
        for _ in range(2):
            calls = (db.session.fetch(statement, *args) for _ in range(2 * SIZE))
            for rows in await asyncio.gather(*calls):
                assert len(rows) == 1, statement
    assert (await db.session.fetchone(next(iter(STATEMENTS))))[:3] == (1, 5, "wild")


@pytest.mark.parametrize("name", CHANGES)
async def test_a_unit_may_be_run_again(db: Database, bystander, name: str) -> None:
    await bystander.execute(CHANGES[name])
    for statement, args in STATEMENTS.items():
        for _ in range(SIZE):

            async def work(uow, statement=statement, args=args) -> int:
                return len(await uow.session.fetch(statement, *args))

            assert await db.run(work) == 1, statement
            # What they have learned, they keep.
    for statement, args in STATEMENTS.items():
        async with db.unit_of_work() as uow:
            await uow.session.fetch(statement, *args)


async def test_inside_a_unit_the_error_says_what_it_is(db: Database, bystander) -> None:
    star = next(s for s in STATEMENTS if s.name == "star")
    for name, statement in (("a column more", star), ("types made again", SET_PLACE)):
        await bystander.execute(CHANGES[name])
        with pytest.raises(SchemaChanged, match=f"^{statement.name}: ") as caught:
            async with db.unit_of_work() as uow:
                await uow.items.insert(1)
                await uow.session.fetch(statement, *STATEMENTS[statement])
        assert retry_safe(caught.value)
    assert await db.items.list() == []


async def test_a_wider_type_takes_wider_values_at_once(db: Database, bystander) -> None:
    await bystander.execute(CHANGES["an int that is a bigint"])
    await bystander.execute("update thing set n = 9000000000")
    assert await db.session.fetch(BY_N, 9_000_000_000) == [(1,)]
    async with db.unit_of_work() as first, db.unit_of_work() as second, db.unit_of_work() as third:
        for unit in (first, second, third):
            assert await unit.session.fetch(BY_N, 9_000_000_000) == [(1,)]


async def test_a_composite_with_an_attribute_more_takes_it_at_once(db: Database, bystander) -> None:
    await bystander.execute("alter type place add attribute y int")
    for _ in range(2):
        calls = (db.session.fetchval(SET_PLACE, (n, "calm", n)) for n in range(2 * SIZE))
        assert await asyncio.gather(*calls) == list(range(2 * SIZE))
    # On a connection that has read a place, but never written one.
    other = write("other", "update thing set place = $1 returning (place).y")
    await bystander.execute("alter type place add attribute z int")
    assert await db.session.fetchval(other, (1, "calm", 2, 3)) == 2
    async with db.unit_of_work() as uow:
        assert await uow.session.fetchval(other, (1, "calm", 4, 3)) == 4


async def test_every_kind_of_call_heals(connect, bystander) -> None:
    await bystander.execute(SCHEMA)
    hooks, told = Hooks(), list[str]()
    hooks.after_create(Item)(lambda event: told.append(event.statement))
    db: Database = await connect(pool_max=1)
    hooked: Database = await connect(pool_max=1, hooks=hooks)
    share = Statement(
        "things.one",
        "select mood, i.n::int - 1 from unnest($1::int[]) with ordinality i (id, n) "
        "join thing using (id)",
        read_only=True,
        clean=True,
    )
    batched = Statement(
        "things.one",
        "select mood from thing where id = $1",
        read_only=True,
        clean=True,
        batch=Batch(share, size=10),
    )
    rows = [(n, str(n), n, None) for n in range(10, 20)]

    async def call_all() -> None:
        assert len(await db.items.insert_many(rows)) == 10
        await db.items.delete(10)
        assert await db.items.add_many(rows[:1]) == 1
        assert len([item async for item in db.items.stream()]) == 10
        assert (await hooked.items.insert(1)).id == 1
        found = await asyncio.gather(*(db.session.batched.fetchrow(batched, 1) for _ in range(9)))
        assert {row[0] for row in found if row} == {"wild"}
        assert len(await db.fetch("select * from thing where mood = $1", "wild")) == 1
        assert await db.execute("update thing set mood = $1", "wild") == 1
        await db.execute("delete from item")

    for name in ("a column more", "types made again", "the table made again"):
        await call_all()
        await bystander.execute(CHANGES[name])
        await bystander.execute(
            "create table new (like item including all); drop table item cascade; "
            "alter table new rename to item; alter table item alter name type varchar(99)"
        )
        await call_all()
        await bystander.execute("alter table item alter name type text")
    # The hooks were told once for each call that was kept.
    assert told == ["items.insert"] * 6


async def test_what_can_be_gone_through_once_is_not_repeated(db: Database, bystander) -> None:
    rows = [(n, str(n), n, None) for n in range(10, 20)]
    for _ in range(SIZE):
        await db.items.insert_many(rows[:1])
        await db.items.delete(10)
    await bystander.execute("alter table item alter name type varchar(99)")
    with pytest.raises(SchemaChanged) as caught:
        await db.items.insert_many(row for row in rows[:1])
    assert retry_safe(caught.value)
    assert len(await db.items.insert_many(row for row in rows)) == 10


async def test_errors_of_the_caller_stay_what_they_are(db: Database, bystander) -> None:
    for _ in range(3):
        with pytest.raises(InvalidArgument, match=r"argument \$1 is a str that doesn't fit int4"):
            await db.session.fetch(BY_N, "five")
        with pytest.raises(InvalidArgument, match="doesn't fit place"):
            await db.session.fetch(SET_PLACE, 7)
        for tuple_ in ((1,), (1, "calm", 3)):
            with pytest.raises((InvalidArgument, InvalidStatement)):
                await db.session.fetch(SET_PLACE, tuple_)
        with pytest.raises(InvalidArgument):
            async with db.unit_of_work() as uow:
                await uow.session.fetch(BY_N, "five")
        with pytest.raises(InvalidStatement):
            await db.fetch("select * from missing where id = $1", 1)
        with pytest.raises(InvalidStatement):
            await db.execute("select missing(1)")
    await bystander.execute("drop table thing")
    for _ in range(SIZE + 1):
        with pytest.raises(InvalidStatement, match='relation "thing" does not exist'):
            await db.session.fetch(BY_N, 5)


async def test_a_procedure_that_has_committed_is_not_repeated(db: Database, bystander) -> None:
    await bystander.execute(
        """
        create procedure half() language plpgsql as $$ begin
          insert into audit (item_id) values (1); commit; perform missing(1);
        end $$
        """
    )
    statement = Statement("half", "call half()")
    for count in range(1, 4):
        with pytest.raises(InvalidStatement, match="function missing"):
            await db.session.execute(statement)
        assert await bystander.fetchval("select count(*) from audit") == count
    with pytest.raises(InvalidStatement, match="function missing"):
        await db.fetch("call half()")
    assert await bystander.fetchval("select count(*) from audit") == 4


async def test_with_load_beside_nothing_but_the_changes_is_noticed(db: Database, bystander) -> None:
    stop = asyncio.Event()
    done = [0, 0, 0, 0]

    async def outside(number: int) -> None:
        while not stop.is_set():
            for statement, args in STATEMENTS.items():
                assert len(await db.session.fetch(statement, *args)) == 1
            done[number] += 1

    async def inside(number: int) -> None:
        while not stop.is_set():

            async def work(uow) -> None:
                for statement, args in STATEMENTS.items():
                    assert len(await uow.session.fetch(statement, *args)) == 1

            await db.run(work, attempts=50)
            done[number] += 1

    each = enumerate((outside, outside, inside, inside))
    tasks = [asyncio.ensure_future(loop(number)) for number, loop in each]
    names = ("a column more", "types made again", "the table made again")
    for turn in range(TURNS):
        # However slow the machine, all get through between two changes.
        before = list(done)
        while any(map(eq, before, done)) and not any(task.done() for task in tasks):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        await alter(bystander, CHANGES[names[turn % 3]].replace("more", f"more_{turn}"))
        assert not any(task.done() for task in tasks), [t.exception() for t in tasks if t.done()]
    stop.set()
    await asyncio.gather(*tasks)


async def alter(bystander: asyncpg.Connection, sql: str) -> None:
    """As a careful migration does: rather again than have everybody wait behind it."""
    while True:
        try:
            await bystander.execute(f"set local lock_timeout = '200ms'; {sql}")
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            await asyncio.sleep(0.02)
        else:
            return


async def test_copy_says_that_a_column_has_another_type_now(db: Database, bystander) -> None:
    await bystander.execute("alter table item alter column note type aclitem using null")
    with pytest.raises(SchemaChanged, match=r"^items\.copy: a type was dropped or changed"):
        await db.items.copy([(1, "a", 0, None)])
    await bystander.execute("alter table item alter column note type jsonb using null")
    assert await db.items.copy([(1, "a", 0, None)]) == 1
