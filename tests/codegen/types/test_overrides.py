"""Types of the application's own: what the settings say is what the generated code does."""

import importlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from projects import imported, made, written

from salacia_db.postgres.scratch import scratch_database
from salacia_db.runtime import InvalidValue, Secret

ROOT = Path(__file__).parents[3]
ACME = """
from enum import Enum, StrEnum, auto
from decimal import Decimal
from typing import NewType
from uuid import UUID

import msgspec

import own_types  # the package that is generated: a generator can't import this module

UserId = NewType("UserId", int)
OrderId = NewType("OrderId", int)


class Mood(Enum):
    SAD = "sad"
    SO_SO = "so-so"


class Level(StrEnum):
    LOW = auto()
    HIGH = auto()


class Money(msgspec.Struct, frozen=True):
    cents: int


def to_money(value: Decimal) -> Money:
    return Money(int(value * 100))


def from_money(value: Money) -> Decimal:
    return Decimal(value.cents) / 100


class Line(msgspec.Struct):
    sku: str
    price: Decimal = Decimal(0)
"""
SCHEMA = """
create type mood as enum ('sad', 'so-so');
create domain euro as numeric(10, 2);
create table users (id int primary key, mood mood not null, moods mood[] not null, token text);
create table orders (
  id int primary key, user_id int not null references users, total euro not null,
  totals euro[] not null, lines jsonb not null, raw jsonb, level text not null,
  took interval not null, grid mood[] not null
);
create table notes (
  order_id int references orders (id), user_id int references users, text text,
  token text
);
alter table users add unique (token);
alter table notes add foreign key (token) references users (token);
"""
QUERIES = """
-- name: add_user :one!
insert into users (id, mood, moods, token) values (:id, :mood, :moods, :token) returning *;
-- name: user :one
select * from users where id = :id;
-- name: add_order :one!
insert into orders values
  (:id, :user_id, :total, :totals, :lines, :raw, :level, :took, :grid)
returning *;
-- name: orders_of :many
select * from orders where user_id = :user_id;
-- name: note :one!
insert into notes values (:order_id, :user_id, :text, :token) returning order_id, user_id, token;
-- name: moods :many
select mood from users order by id;
-- name: totals :one!
-- as lines: list[acme.Line]
-- as total: float
select jsonb_agg(l) as lines, 1.5::float8 as total
from orders, jsonb_array_elements(lines) l;
-- name: named :many
select id from users where id = any(:ids) order by id;
-- name: unnamed :many
select id from users where id <> all(:ids::int[]) and token = any(:tokens) order by id;
-- name: beyond :many
-- default: level 'high'
select total from orders where total > :total and total <> all(:others) and level = :level;
-- name: feeling :many
-- default: mood 'so-so'
select id from users where :mood = any(moods) and mood = :mood;
-- name: holding :many
select id from orders where lines @> :lines and raw ? :key and id::text like :pattern;
-- name: sole :one!
-- as v: acme.UserId
select 7 as v;
"""
SETTINGS = """
[tool.salacia.types]
"public.users.id" = "acme.UserId"
"public.orders.id" = "acme.OrderId"
"mood" = "acme.Mood"
"euro" = {type = "acme.Money", read = "acme.to_money", write = "acme.from_money"}
"public.orders.lines" = "list[acme.Line]"
"public.orders.raw" = "msgspec.Raw"
"public.orders.level" = "acme.Level"
"public.users.token" = "secret"
"interval" = "datetime.timedelta"
"public.orders.grid" = "list[list[acme.Mood]]"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("own")
    (root / "acme.py").write_text(ACME)
    return written(root, "own_types", SCHEMA, QUERIES, SETTINGS)


@pytest.fixture(scope="module")
def acme(folder: Path) -> Iterator[ModuleType]:
    sys.path.insert(0, str(folder.parent))
    imported(folder)
    yield importlib.import_module("acme")
    sys.path.remove(str(folder.parent))


@pytest.fixture(scope="module")
async def db(folder: Path, acme: ModuleType) -> AsyncIterator[Any]:
    with scratch_database() as url:
        async with imported(folder).connect(url, profile="test") as database:
            await database.execute(SCHEMA)
            yield database


@pytest.fixture(autouse=True)
async def empty(request: pytest.FixtureRequest) -> None:
    if "db" in request.fixturenames:
        await request.getfixturevalue("db").execute("truncate users cascade")


async def user(db: Any, acme: Any, **changed: Any) -> Any:
    values = {"id": acme.UserId(1), "mood": acme.Mood.SO_SO, "moods": [acme.Mood.SAD], "token": "t"}
    return await db.kept.add_user(**(values | changed))


async def order(db: Any, acme: Any) -> Any:
    return await db.kept.add_order(
        id=acme.OrderId(2),
        user_id=acme.UserId(1),
        total=acme.Money(1250),
        totals=[acme.Money(1), None],
        lines=[acme.Line("a", Decimal("0.10"))],
        raw=msgspec.Raw(b'{"n": 1}'),
        level=acme.Level.HIGH,
        took=timedelta(days=1, microseconds=2),
        grid=[[acme.Mood.SAD, acme.Mood.SO_SO], [acme.Mood.SO_SO, acme.Mood.SAD]],
    )


async def test_an_enum_of_the_application_goes_both_ways(db: Any, acme: Any):
    made_ = await user(db, acme)
    assert made_.mood is acme.Mood.SO_SO
    assert made_.moods == [acme.Mood.SAD]
    assert await db.kept.moods() == [acme.Mood.SO_SO]


async def test_a_label_that_the_application_does_not_know_is_told(db: Any, acme: Any):
    await user(db, acme)
    await order(db, acme)
    await db.execute("update orders set level = 'odd'")
    with pytest.raises(InvalidValue) as caught:
        await db.kept.orders_of(user_id=acme.UserId(1))
    assert str(caught.value) == (
        "kept.orders_of: it ran, but a value of `level` is a label that Level lacks: it is newer "
        "than the application"
    )


async def test_values_go_through_their_converters(db: Any, acme: Any):
    await user(db, acme)
    made_ = await order(db, acme)
    assert made_.total == acme.Money(1250)
    assert made_.totals == [acme.Money(1), None]
    assert await db.fetchval("select total from orders") == Decimal("12.50")


async def test_json_becomes_structs_and_raw_is_carried(db: Any, acme: Any):
    await user(db, acme)
    made_ = await order(db, acme)
    assert made_.lines == [acme.Line("a", Decimal("0.10"))]
    assert msgspec.json.decode(made_.raw) == {"n": 1}
    assert await db.kept.orders_of(user_id=acme.UserId(1)) == [made_]


async def test_texts_become_an_enum_and_intervals_timedeltas(db: Any, acme: Any):
    await user(db, acme)
    made_ = await order(db, acme)
    assert made_.level is acme.Level.HIGH
    assert made_.took == timedelta(days=1, microseconds=2)
    assert made_.grid == [[acme.Mood.SAD, acme.Mood.SO_SO], [acme.Mood.SO_SO, acme.Mood.SAD]]


async def test_an_interval_with_months_is_no_timedelta(db: Any, acme: Any):
    await user(db, acme)
    await order(db, acme)
    await db.execute("update orders set took = '1 month'")
    with pytest.raises(ValueError, match="keep it as an Interval"):
        await db.kept.orders_of(user_id=acme.UserId(1))


async def test_what_is_compared_with_a_column_is_a_list_of_its_values_or_an_element(
    db: Any, acme: Any
):
    await user(db, acme)
    await order(db, acme)
    assert await db.kept.named(ids=[acme.UserId(1), acme.UserId(3), None]) == [1]
    assert await db.kept.unnamed(ids=[2], tokens=["t", Secret("u")]) == [1]
    below, equal = acme.Money(1249), acme.Money(1250)
    assert await db.kept.beyond(total=below, others=[below]) == [equal]
    assert await db.kept.beyond(total=below, others=[equal], level=acme.Level.HIGH) == []
    assert await db.kept.feeling() == []
    assert await db.kept.feeling(mood=acme.Mood.SAD) == []
    line = acme.Line("a", Decimal("0.10"))
    assert await db.kept.holding(lines=[line], key="n", pattern="%2") == [2]


def test_a_parameter_has_the_type_of_what_it_is_compared_with(folder: Path):
    heads = " ".join((folder / "kept.py").read_text().split())
    for head in (
        "named(self, *, ids: Sequence[UserId | None])",
        "unnamed( self, *, ids: Sequence[UserId | None], "
        "tokens: Sequence[Secret[str] | str | None] )",
        "beyond( self, *, total: Money, others: Sequence[Money | None], "
        'level: Level = Level("high") )',
        'feeling(self, *, mood: Mood = Mood("so-so"))',
        "holding(self, *, lines: list[Line], key: str, pattern: str)",
    ):
        assert f"async def {head}" in heads, head


async def test_one_output_has_the_type_that_the_query_says(db: Any, acme: Any):
    await user(db, acme)
    await order(db, acme)
    row = await db.kept.totals()
    assert row.lines == [acme.Line("a", Decimal("0.10"))]
    assert await db.kept.sole() == 7


def test_ids_are_inherited_along_foreign_keys_but_no_secret(folder: Path):
    models = (folder / "models.py").read_text()
    order_ = models.partition("class Order(")[2].partition("class ")[0]
    assert "    id: OrderId\n    user_id: UserId\n" in order_
    note = models.partition("class Note(")[2].partition("class ")[0]
    assert "    order_id: OrderId | None\n    user_id: UserId | None\n" in note
    assert "    token: str | None\n" in note
    kept = (folder / "kept.py").read_text()
    assert "async def orders_of(self, *, user_id: UserId)" in kept


def test_the_generated_code_is_typed(folder: Path):
    (folder / "py.typed").touch()
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "own_types", "acme.py"],
        cwd=folder.parent,
        env={"PATH": "", "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


async def test_a_secret_shows_nowhere(db: Any, acme: Any):
    made_ = await user(db, acme, token="s3cret")
    assert made_.token == Secret("s3cret")
    assert "s3cret" not in repr(made_)


@pytest.mark.parametrize(
    ("source", "setting", "message"),
    [
        (
            'class Mood(StrEnum):\n    SAD = "sad"\n    GLAD = "glad"\n',
            '"mood" = "acme.Mood"',
            "Mood is not the enum mood: it lacks 'so-so' and has 'glad' beyond it",
        ),
        ("Mood = compute()\n", '"mood" = "acme.Mood"', "labels of Mood can't be read"),
        ("", '"mood" = "acme.Mood"', "mood: the module acme has no Mood"),
        ("Euro = int\n", '"euro" = "acme.Eruo"', "euro: the module acme has no Eruo"),
        (
            "class Outer:\n    Mood = str\n",
            '"public.users.id" = "acme.Outer.Mood"',
            "acme is no package: there is no module acme.Outer",
        ),
        (
            "",
            '"euro" = {type = "int", read = "acme.to_money"}',
            "euro: the module acme has no to_money",
        ),
        ("", '"euro" = "nowhere_at_all.Money"', "there is no module nowhere_at_all"),
        ("class Money: ...\n", '"euro" = "acme.Money"', "nothing says how a value of euro becomes"),
        ("", '"euro" = {type = "Money()"}', "euro = 'Money()' is no type"),
    ],
)
def test_what_cannot_be_right_is_a_problem(tmp_path: Path, source: str, setting: str, message: str):
    (tmp_path / "acme.py").write_text(source)
    query = "-- name: get :many\nselect mood from users;"
    found = made(tmp_path, "wrong", SCHEMA, query, f"[tool.salacia.types]\n{setting}\n").problems
    assert any(message in problem.message for problem in found), [p.message for p in found]


@pytest.mark.parametrize(
    ("directive", "message"),
    [
        ("as nothing: int", "`get` has no output `nothing`"),
        ("as mood: Line", "'Line' is no type"),
        ("as mood: list[nowhere_at_all.Line]", "there is no module nowhere_at_all"),
        ("as mood: uuid.UUDI", "the module uuid has no UUDI"),
    ],
)
def test_an_output_that_is_not_there_is_a_problem(tmp_path: Path, directive: str, message: str):
    query = f"-- name: get :many\n-- {directive}\nselect mood, id from users;"
    (problem,) = made(tmp_path, "wrong", SCHEMA, query).problems
    assert message in problem.message
    assert problem.at is not None


def test_enums_are_found_through_imports(tmp_path: Path):
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "__init__.py").write_text("from .moods import Feeling as Mood\n")
    mood = 'import enum\nclass Feeling(str, enum.Enum):\n    A = "sad"\n    B = "so-so"\n'
    (tmp_path / "acme" / "moods.py").write_text(mood)
    query = "-- name: get :many\nselect mood from users;"
    settings = '[tool.salacia.types]\n"mood" = "acme.Mood"\n'
    assert made(tmp_path, "found", SCHEMA, query, settings).problems == ()
