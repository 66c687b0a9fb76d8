"""Emitted code against PostgreSQL: types are what the driver gives, values arrive and come back."""

import importlib
import sys
import typing
import uuid
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from emitting import (
    INT,
    JSONB,
    NUMERIC,
    TEXT,
    UUID,
    Maybe,
    Tracked,
    Write,
    array,
    columns_of,
    composite,
    domain,
    enum,
    nested,
    package,
    parameter,
    query,
    schema,
    table,
)

from salacia_db.codegen.emit import File, write
from salacia_db.codegen.emit.imports import _REFERENCE
from salacia_db.codegen.emit.types import _BUILTIN, PyType
from salacia_db.postgres.scratch import scratch_database
from salacia_db.runtime import Secret, Stream
from salacia_db.runtime.connections.codecs import install_codecs

SAMPLES = {
    "aclitem": "postgres=r/postgres",
    "bit": "1",
    "bool": "true",
    "box": "(1,1),(0,0)",
    "bytea": "x",
    "cidr": "10.0.0.0/8",
    "circle": "<(0,0),1>",
    "date": "2024-02-29",
    "inet": "10.0.0.1/8",
    "interval": "1 mon 2 days",
    "json": "{}",
    "jsonb": "[1]",
    "jsonpath": "$.a",
    "line": "{1,2,3}",
    "lseg": "[(0,0),(1,1)]",
    "macaddr": "08:00:2b:01:02:03",
    "macaddr8": "08:00:2b:01:02:03:04:05",
    "path": "[(0,0),(1,1)]",
    "pg_lsn": "0/1",
    "pg_snapshot": "1:1:",
    "point": "(1,2)",
    "polygon": "((0,0),(1,1))",
    "regclass": "pg_class",
    "regcollation": '"C"',
    "regconfig": "english",
    "regdictionary": "simple",
    "regnamespace": "public",
    "regoper": "||/",
    "regoperator": "+(int4,int4)",
    "regproc": "pg_sleep",
    "regprocedure": "pg_sleep(float8)",
    "regrole": "postgres",
    "regtype": "int4",
    "tid": "(0,1)",
    "time": "10:00",
    "timestamp": "2024-02-29 10:00",
    "timestamptz": "2024-02-29 10:00+00",
    "timetz": "10:00+01",
    "tsquery": "a & b",
    "tsvector": "a b",
    "txid_snapshot": "1:1:",
    "uuid": "018f3c5e-0000-7000-8000-000000000000",
}
# No value of these can be made here: a server without libxml, pseudo-types.
UNMADE = {"xml", "void", "unknown", "cstring"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with scratch_database() as made:
        yield made


@pytest.fixture
async def connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    install_codecs(connection.get_settings())
    yield connection
    await connection.close()


@pytest.mark.parametrize("name", sorted(set(_BUILTIN) - UNMADE))
async def test_a_type_is_what_the_driver_gives_and_takes(connection: asyncpg.Connection, name: str):
    sample = SAMPLES.get(name, "1")
    value = await connection.fetchval(f"select '{sample}'::pg_catalog.\"{name}\"")
    assert is_instance(value, python_type(_BUILTIN[name]))
    again = await connection.fetchval(f'select $1::pg_catalog."{name}"', value)
    assert again == value or isinstance(value, asyncpg.Path | asyncpg.Polygon)


async def test_void_is_none(connection: asyncpg.Connection):
    assert await connection.fetchval("select pg_sleep(0)") is None


def python_type(type_: PyType) -> Any:
    """The class, or typing's form of it, that the text of a type means."""
    modules = {
        module: importlib.import_module(module) for module, _ in _REFERENCE.findall(type_.read)
    }
    text = _REFERENCE.sub(lambda match: f"modules[{match[1]!r}].{match[2]}", type_.read)
    return eval(text, {"modules": modules})


def is_instance(value: object, type_: Any) -> bool:
    if type_ is Any:
        return True
    if typing.get_origin(type_) is None:
        return isinstance(value, type_)
    if typing.get_origin(type_) in (tuple, list):
        return isinstance(value, typing.get_origin(type_))
    return isinstance(value, typing.get_args(type_))


# --- whole calls ----------------------------------------------------------------------------------

DDL = """
create type mood as enum ('sad', 'so-so');
create type geo as (lat numeric, mood mood);
create type place as (street text, at geo, moods mood[]);
create domain tag as text not null;
create table things (
  id uuid primary key, token text, mood mood not null, moods mood[], home place, places place[],
  tags tag[] not null, body jsonb, raw jsonb not null, price numeric
);
create table owners (id int primary key, thing_id uuid, mood mood not null);
"""
MOOD = enum("mood", "sad", "so-so")
GEO = composite("geo", lat=NUMERIC, mood=MOOD)
PLACE = composite("place", street=TEXT, at=GEO, moods=array(MOOD))
THINGS = table(
    "things",
    {
        "id": UUID,
        "token": Maybe(TEXT),
        "mood": MOOD,
        "moods": Maybe(array(MOOD)),
        "home": Maybe(PLACE),
        "places": Maybe(array(PLACE)),
        "tags": array(domain("tag", TEXT, not_null=True)),
        "body": Maybe(JSONB),
        "raw": JSONB,
        "price": Maybe(NUMERIC),
    },
)
OWNERS = table("owners", {"id": INT, "thing_id": Maybe(UUID), "mood": MOOD})
ALL = [column.name for column in THINGS.columns]
INSERT = (
    f"insert into things ({', '.join(ALL)})\n"
    f"values ({', '.join(f'${n}' for n in range(1, len(ALL) + 1))})\nreturning {', '.join(ALL)}"
)
NEW = [
    parameter(
        column.name,
        column.type if column.not_null else Maybe(column.type),
        origin=(THINGS, column.name),
        default="uuid7()" if column.name == "id" else None,
    )
    for column in THINGS.columns
]
JOINED = "select o.id, o.thing_id, o.mood, " + ", ".join(f"t.{name}" for name in ALL)
JOINED += "\nfrom owners o left join things t on t.id = o.thing_id order by o.id"
PAIR = {
    "columns": [*columns_of(OWNERS), *columns_of(THINGS, nullable=True)],
    "fields": [nested("owner", OWNERS, 0), nested("thing", THINGS, 3, 3)],
    "returns": "Owned",
}
CREATED = [Write(THINGS.ref, "create", returned=True)]
QUERIES = [
    query(
        "things.create",
        "one",
        INSERT,
        parameters=NEW,
        whole=THINGS,
        cardinality="one",
        writes=CREATED,
        tracked=Tracked(f"{INSERT}, pg_current_xact_id()", created=False),
    ),
    query("things.create_many", "bulk", INSERT, parameters=NEW, whole=THINGS, writes=CREATED),
    query("things.all", "many", f"select {', '.join(ALL)} from things", whole=THINGS),
    query("things.each", "stream", f"select {', '.join(ALL)} from things", whole=THINGS),
    query("things.moods", "many", "select mood from things", columns={"mood": MOOD}),
    query("things.clear", "exec", "delete from things"),
    query(
        "things.add_owner",
        "exec",
        "insert into owners values ($1, $2, $3)",
        parameters=[
            parameter("id", INT),
            parameter("thing_id", Maybe(UUID)),
            parameter("mood", MOOD),
        ],
    ),
    query("things.owned", "many", JOINED, **PAIR),
    query("things.owned_each", "stream", JOINED, **PAIR),
    query(
        "things.get",
        "one!",
        f"select {', '.join(ALL)} from things where id = $1",
        parameters=[parameter("id", UUID)],
        whole=THINGS,
        none="NoSuchThing",
    ),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The package, imported."""
    folder = tmp_path_factory.mktemp("on_server")
    files = package(
        QUERIES,
        schema(MOOD, GEO, PLACE, THINGS, OWNERS),
        types={"*.*.token": "secret", "public.things.raw": "msgspec.Raw"},
    )
    assert not write([File(path, text) for path, text in files.items()], folder / "shop_on_server")[
        1
    ]
    sys.path.insert(0, str(folder))
    yield importlib.import_module("shop_on_server")
    sys.path.remove(str(folder))


@pytest.fixture
async def db(url: str, shop: Any) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url)
    await connection.execute("drop schema public cascade; create schema public;" + DDL)
    await connection.close()
    async with shop.connect(url, profile="test") as database:
        yield database


def values(shop: Any, **changed: Any) -> dict[str, Any]:
    geo = shop.Geo(Decimal("1.5"), shop.Mood.SAD)
    place = shop.Place("High Street", geo, [shop.Mood.SO_SO, None])
    whole = {
        "token": "s3cret",
        "mood": shop.Mood.SO_SO,
        "moods": [shop.Mood.SAD, None],
        "home": place,
        "places": [place, None, shop.Place(None, None, None)],
        "tags": ["a"],
        "body": {"n": [1, None]},
        "raw": [1, 2],
        "price": None,
    }
    return whole | changed


async def test_every_value_arrives_and_comes_back_as_its_class(db: Any, shop: Any):
    given = values(shop)
    thing = await db.things.create(**given)
    assert type(thing) is shop.Thing
    assert isinstance(thing.id, uuid.UUID)
    assert thing.token == Secret("s3cret")
    assert "s3cret" not in repr(thing)
    assert thing.mood is shop.Mood.SO_SO
    assert thing.moods == [shop.Mood.SAD, None]
    assert type(thing.moods[0]) is shop.Mood
    assert thing.home == given["home"]
    assert type(thing.home.at.mood) is shop.Mood
    assert thing.places == given["places"]
    assert bytes(thing.raw) == b"[1, 2]"
    assert thing.body == {"n": [1, None]}
    assert await db.things.all() == [thing]
    assert await db.things.get(id=thing.id) == thing
    (mood,) = await db.things.moods()
    assert mood is shop.Mood.SO_SO


async def test_a_row_that_was_read_can_be_written_again(db: Any, shop: Any):
    thing = await db.things.create(**values(shop))
    copied = {name: getattr(thing, name) for name in thing.__struct_fields__ if name != "id"}
    again = await db.things.create(**copied)
    assert again.id > thing.id
    assert {name: getattr(again, name) for name in copied} == copied


async def test_nulls_stay_nulls(db: Any, shop: Any):
    nulls = dict.fromkeys(("token", "moods", "home", "places", "body"))
    thing = await db.things.create(**values(shop, **nulls))
    assert {name: getattr(thing, name) for name in nulls} == nulls


async def test_bulk_input_makes_its_ids_and_streams_read_all(db: Any, shop: Any):
    things = importlib.import_module("shop_on_server.things")
    rows = [things.ThingsCreateManyInput(**values(shop, token=Secret(str(n)))) for n in range(3)]
    made = await db.things.create_many(rows)
    assert [thing.id for thing in made] == [row.id for row in rows]
    assert [thing.token.reveal() for thing in made] == ["0", "1", "2"]
    stream = db.things.each()
    assert isinstance(stream, Stream)
    assert sorted([thing.id async for thing in stream]) == sorted(row.id for row in rows)
    assert await db.things.clear() == 3


async def test_nested_rows_are_none_where_the_join_found_none(db: Any, shop: Any):
    thing = await db.things.create(**values(shop))
    await db.things.add_owner(id=1, thing_id=thing.id, mood=shop.Mood.SAD)
    await db.things.add_owner(id=2, thing_id=None, mood=shop.Mood.SAD)
    first, second = await db.things.owned()
    assert first.thing == thing
    assert first.owner == shop.Owner(1, thing.id, shop.Mood.SAD)
    assert second.thing is None
    assert [row async for row in db.things.owned_each()] == [first, second]


async def test_the_error_that_the_query_names_is_raised(db: Any, shop: Any):
    with pytest.raises(shop.NoSuchThing, match=r"things\.get: no such row"):
        await db.things.get(id=uuid.UUID(int=0))


async def test_groups_of_a_unit_of_work_run_in_its_transaction(db: Any, shop: Any):
    async with db.unit_of_work() as uow:
        await uow.things.create(**values(shop))
        assert len(await uow.things.all()) == 1
        await uow.rollback()
    assert await db.things.all() == []


async def test_hooks_get_rows_of_the_right_classes(url: str, db: Any, shop: Any):
    from salacia_db.runtime import Hooks

    hooks, seen = Hooks(), []

    @hooks.after_create(shop.Thing)
    async def created(event: Any) -> None:
        seen.extend(event.rows)

    async with shop.connect(url, profile="test", hooks=hooks) as hooked:
        thing = await hooked.things.create(**values(shop))
    assert seen == [thing]
    assert type(seen[0].mood) is shop.Mood


async def test_no_group_can_hide_what_the_runtime_offers(db: Any):
    from salacia_db.codegen.emit.names import SESSION_NAMES

    async with db.unit_of_work() as uow:
        public = {name for name in [*dir(db), *dir(uow)] if not name.startswith("_")}
    assert public - {"things"} <= SESSION_NAMES
