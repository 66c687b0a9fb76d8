"""A value of the wrong type for a converted argument is refused by name, by every kind of call."""

import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from projects import imported, written

from salacia_db.postgres.scratch import scratch_database
from salacia_db.runtime import InvalidArgument

MODULE = """
from decimal import Decimal
from enum import Enum


class Mood(Enum):
    SAD = "sad"
    SO_SO = "so-so"


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents


def to_money(value: Decimal) -> Money:
    return Money(int(value * 100))


def from_money(value: Money) -> Decimal:
    if value.cents < 0:
        raise ValueError("no debts")
    return Decimal(value.cents) / 100
"""
SCHEMA = """
create type mood as enum ('sad', 'so-so');
create domain euro as numeric(10, 2);
create type spot as (n int, name text);
create table t (id int primary key, mood mood, moods mood[], price euro, spot spot, name text);
"""
VALUES = "(id, mood, moods, price, spot) values (:id, :mood, :moods, :price, :spot)"
QUERIES = f"""
-- name: put :one!
insert into t {VALUES} returning id;
-- name: put_all :bulk
insert into t {VALUES} returning id;
-- name: load :copy
insert into t {VALUES};
-- name: by_mood :many
select id from t where mood = :mood and :mood = any(:moods) order by id;
-- name: remove :exec
delete from t where mood = :mood and price = :price;
-- name: change :exec
update t set
  mood = :mood, -- if :mood
  price = :price -- if :price
where id = :id;
-- name: every :stream
select id, name from t where mood = :mood;
-- name: pages :page
select id, name from t
where true
  and mood = :mood -- if :mood
order by id;
-- name: export :copy
select id, name from t where mood = :mood;
-- name: of :one
-- batch
select id, name from t where id = :id and mood = :mood;
-- name: plain :many
select id from t where name = :name;
"""
SQLC = """
-- name: each :batchone
select id, name from t where id = @id and mood = @mood;
-- name: each_many :batchmany
select id, name from t where mood = @mood;
"""
SETTINGS = """
[tool.salacia.types]
"mood" = "misfit_types.Mood"

[tool.salacia.types.euro]
type = "misfit_types.Money"
read = "misfit_types.to_money"
write = "misfit_types.from_money"
"""
SECRET = "not to be shown"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("misfits")
    (folder / "misfit_types.py").write_text(MODULE)
    return imported(written(folder, "misfits", SCHEMA, QUERIES, SETTINGS))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with scratch_database() as made:
        yield made


@pytest.fixture
async def db(package: Any, url: str) -> AsyncIterator[Any]:
    async with package.connect(url, profile="test") as database:
        await database.execute(f"drop table if exists t; {_renewed(SCHEMA)}")
        yield database


def _renewed(schema: str) -> str:
    names = re.findall(r"create (type|domain) (\w+)", schema)
    return "".join(f"drop {kind} if exists {name};" for kind, name in names) + schema


def given(**wrong: Any) -> dict[str, Any]:
    """Arguments of `put`, of which some are wrong."""
    import misfit_types
    from misfits import Spot

    mood = misfit_types.Mood.SAD
    right = {
        "id": 1,
        "mood": mood,
        "moods": [mood, None],
        "price": misfit_types.Money(5),
        "spot": Spot(1, "x"),
    }
    return right | wrong


WRONG = [
    ("mood", SECRET, "argument mood is a str that doesn't fit misfit_types.Mood | None"),
    ("moods", [SECRET], "argument moods holds a value that doesn't fit"),
    ("moods", 7, "argument moods can't be converted: that has raised TypeError"),
    ("price", SECRET, "argument price is a str that doesn't fit misfit_types.Money | None"),
    ("spot", SECRET, "argument spot is a str that doesn't fit misfits.composites.Spot | None"),
]


async def refused(call: Coroutine[Any, Any, Any]) -> InvalidArgument:
    with pytest.raises(InvalidArgument) as caught:
        await call
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in str(error)
        assert getattr(error, "obj", None) != SECRET
        error = error.__cause__ or error.__context__
    return caught.value


@pytest.mark.parametrize(("name", "value", "message"), WRONG)
async def test_a_call_names_the_argument(db: Any, name: str, value: Any, message: str) -> None:
    assert await db.kept.put(**given()) == 1
    error = await refused(db.kept.put(**given(**{name: value})))
    assert error.parameter == name
    assert str(error).startswith(f"kept.put: {message}")
    assert error.index is None
    async with db.unit_of_work() as uow:
        error = await refused(uow.kept.put(**given(**{name: value})))
        assert error.parameter == name
        assert await uow.kept.put(**given(id=2)) == 2


@pytest.mark.parametrize("call", ["put_all", "load"])
@pytest.mark.parametrize(("name", "value", "message"), WRONG)
async def test_a_list_names_row_and_argument(
    db: Any, call: str, name: str, value: Any, message: str
) -> None:
    from misfits import kept

    input_ = {"put_all": kept.KeptPutAllInput, "load": kept.KeptLoadInput}[call]
    rows = [input_(**given()), input_(**given(id=2, **{name: value}))]
    error = await refused(getattr(db.kept, call)(rows))
    assert (error.parameter, error.index) == (name, 1)
    assert str(error).startswith(f"kept.{call}: {message}")
    assert str(error).endswith("(row 1 of the list)")
    assert await db.fetch("select * from t") == []


async def _streamed(db: Any) -> None:
    async for _ in db.kept.every(mood=SECRET):
        raise AssertionError


KINDS: dict[str, Callable[[Any], Coroutine[Any, Any, Any]]] = {
    "many": lambda db: db.kept.by_mood(mood=SECRET, moods=[]),
    "exec": lambda db: db.kept.remove(mood=SECRET, price=given()["price"]),
    "optional lines": lambda db: db.kept.change(id=1, mood=SECRET),
    "stream": _streamed,
    "page": lambda db: db.kept.pages(mood=SECRET),
    "numbered page": lambda db: db.kept.pages_numbered(mood=SECRET),
    "copy out": lambda db: db.kept.export(Path("never"), mood=SECRET),
    "batch": lambda db: db.kept.of(id=1, mood=SECRET),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_call_names_the_argument(db: Any, kind: str) -> None:
    error = await refused(KINDS[kind](db))
    assert error.parameter == "mood"
    assert "mood is a str that doesn't fit" in str(error)


async def test_a_converters_own_error_is_the_cause(db: Any) -> None:
    import misfit_types

    error = await refused(db.kept.put(**given(price=misfit_types.Money(-1))))
    assert error.parameter == "price"
    assert "price can't be converted: that has raised ValueError" in str(error)
    assert isinstance(error.__cause__, ValueError)


async def test_a_condition_names_its_column(db: Any, package: Any) -> None:
    from misfits import tables

    with pytest.raises(InvalidArgument, match="argument mood is a str that doesn't fit") as caught:
        await db.find(package.T, where=tables.t.mood == SECRET)
    assert caught.value.parameter == "mood"
    assert SECRET not in str(caught.value)
    found = await db.find(package.T, where=tables.t.price == given()["price"])
    assert found == []


def test_a_method_without_conversions_handles_nothing(package: Any) -> None:
    text = (Path(package.__file__).parent / "kept.py").read_text()
    *_, plain = text.partition("async def plain(")
    assert "try:" in text
    assert "try:" not in plain.partition("async def ")[0]


async def test_lists_of_calls_name_row_and_argument(package: Any, db: Any, url: str) -> None:
    root = Path(package.__file__).parents[1] / "sqlc"
    root.mkdir()
    (root / "misfit_types.py").write_text(MODULE)
    other = imported(written(root, "misfits_sqlc", SCHEMA, SQLC, f'dialect = "sqlc"{SETTINGS}'))
    from misfits_sqlc import kept

    async with other.connect(url, profile="test") as database:
        for call, input_ in (("each", kept.KeptEachInput), ("each_many", kept.KeptEachManyInput)):
            names = input_.__struct_fields__
            right, wrong = given(), given(mood=SECRET)
            rows = [input_(**{name: values[name] for name in names}) for values in (right, wrong)]
            assert len(await getattr(database.kept, call)(rows[:1])) == 1
            error = await refused(getattr(database.kept, call)(rows))
            assert (error.parameter, error.index) == ("mood", 1)
