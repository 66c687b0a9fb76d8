"""What is written is what is read, for every type, through generated code and a real server."""

import ast
from collections.abc import AsyncIterator, Iterator
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cases import AVAILABLE as CASES
from cases import EXTENSIONS, MAJOR, NAMES, UNGIVEN, UNREAD, WITHOUT, Case, alike
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from projects import imported, made, written

from salacia_db.postgres.scratch import scratch_database
from salacia_db.runtime import InvalidArgument, InvalidValue

# Those that this server can't make values of.
MADE = [case for case in CASES if case.type != "xml"]
IDS = [case.type for case in MADE]
MANY = [case for case in MADE if case.many]
MANY_IDS = [case.type for case in MANY]
trips = settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


def schema() -> str:
    lines = [f"create extension {name};" for name in EXTENSIONS]
    for case in CASES:
        name = NAMES[case.type]
        many = f", many {case.type}[]" if case.many else ""
        lines.append(f"create table {name} (id serial primary key, v {case.type}{many});")
        lines.append(f"create domain d_{name} as {case.type};")
        many = f", ds d_{name}[]" if case.many else ""
        lines.append(f"create table in_{name} (id serial primary key, d d_{name}{many});")
    return "\n".join(lines)


def queries() -> str:
    lines: list[str] = []
    for case in CASES:
        name = NAMES[case.type]
        lines += [
            f"-- name: keep_{name} :one!\ninsert into {name} (v) values (:v) returning v;",
            f"-- name: newest_{name} :one!\nselect v from {name} order by id desc limit 1;",
        ]
        if case.many:
            lines += [
                f"-- name: keep_{name}_many :one!",
                f"insert into {name} (many) values (:many) returning many;",
                f"-- name: keep_{name}_domain :one!",
                f"insert into in_{name} (d, ds) values (:d, :ds) returning d, ds;",
            ]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a table and its queries for each type, generated."""
    return written(tmp_path_factory.mktemp("types"), "typed_values", schema(), queries())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with scratch_database() as made:
        yield made


@pytest.fixture(scope="module")
async def db(folder: Path, url: str) -> AsyncIterator[Any]:
    async with imported(folder).connect(url, profile="test") as database:
        await database.execute(schema())
        yield database


def query(db: Any, case: Case, suffix: str = "", prefix: str = "keep") -> Any:
    return getattr(db.kept, f"{prefix}_{NAMES[case.type]}{suffix}")


def test_types_are_those_of_the_table(folder: Path):
    module = ast.parse((folder / "kept.py").read_text())
    found = {
        node.name: (ast.unparse(node.args.kwonlyargs[0].annotation or node), node.returns)
        for node in ast.walk(module)
        if isinstance(node, ast.AsyncFunctionDef) and node.args.kwonlyargs
    }
    for case in CASES:
        given_, read = found[f"keep_{NAMES[case.type]}"]
        assert read is not None
        assert (given_, ast.unparse(read)) == (f"{case.given} | None", f"{case.read} | None")


@pytest.mark.parametrize("case", MADE, ids=IDS)
@given(data=st.data())
@trips
async def test_a_value_comes_back(db: Any, case: Case, data: st.DataObject):
    value = data.draw(case.values)
    assert alike(case.normal(value), await query(db, case)(v=value))


@pytest.mark.parametrize("case", MANY, ids=MANY_IDS)
@given(data=st.data())
@settings(trips, max_examples=15)
async def test_an_array_comes_back_with_its_nulls(db: Any, case: Case, data: st.DataObject):
    values = data.draw(st.lists(st.none() | case.values, max_size=4))
    # Values that are sequences themselves would be further dimensions.
    came = await query(db, case, "_many")(many=values)
    assert alike([v if v is None else case.normal(v) for v in values], came)


@pytest.mark.parametrize("case", MANY, ids=MANY_IDS)
@given(data=st.data())
@settings(trips, max_examples=10)
async def test_a_domain_is_as_its_type(db: Any, case: Case, data: st.DataObject):
    value = data.draw(case.values)
    row = await query(db, case, "_domain")(d=value, ds=[value, None])
    assert alike(case.normal(value), row.d)
    assert alike([case.normal(value), None], row.ds)


def _came(case: Case, literal: str) -> pytest.MarkDecorator:
    endless = case.type == "interval" and "infinity" in literal
    return pytest.mark.skipif(endless and MAJOR < 17, reason="17 brought endless intervals")


EDGES = [
    pytest.param(case, literal, value, id=f"{case.type} {literal}", marks=_came(case, literal))
    for case in MADE
    for literal, value in case.edges.items()
]


@pytest.mark.parametrize(("case", "literal", "value"), EDGES)
async def test_an_edge_is_read_and_can_be_written_again(
    db: Any, case: Case, literal: str, value: object
):
    name = NAMES[case.type]
    await db.execute(f"insert into {name} (v) values ({literal}::{case.type})")
    read = await query(db, case, prefix="newest")()
    assert alike(value, read)
    if read is None:
        return  # JSON's null, which writes as NULL
    await query(db, case)(v=read)
    texts = await db.fetch(f"select v::text from {name} order by id desc limit 2")
    assert texts[0][0] == texts[1][0]


@pytest.mark.parametrize("case", MADE, ids=IDS)
async def test_null_is_none(db: Any, case: Case):
    assert await query(db, case)(v=None) is None


@pytest.mark.parametrize(
    ("type_", "literal"),
    [
        ("date", "0044-03-15 BC"),
        ("date", "20000-01-01"),
        ("timestamp", "0044-03-15 BC"),
        ("timestamptz", "20000-01-01"),
        ("time", "24:00"),
        ("timetz", "24:00+00"),
        ("json", "1e400"),
    ],
)
async def test_a_value_that_python_lacks_is_a_clear_error(db: Any, type_: str, literal: str):
    (case,) = (case for case in CASES if case.type == type_)
    await db.execute(f"insert into {NAMES[type_]} (v) values ('{literal}')")
    with pytest.raises(InvalidValue, match=r"kept\.newest_t\d+: .* cast it to text") as caught:
        await query(db, case, prefix="newest")()
    assert literal not in str(caught.value)
    async with db.unit_of_work() as uow:
        with pytest.raises(InvalidValue):
            await query(uow, case, prefix="newest")()
        assert await uow.kept.keep_t0(v=1) == 1


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("integer", 2**31),
        ("bigint", -(2**63) - 1),
        ("real", 1e300),
        ("timetz", time(10)),
        ("uuid", "no uuid"),
        ("text", "\ud800"),
        ("pg_lsn", -1),
        ("hstore", {"a": 1}),
        ("vector(3)", ["a"]),
        ("interval", "1 day"),
        ("numeric", Decimal("1e-30000")),
    ],
)
async def test_a_value_that_does_not_fit_is_a_clear_error(db: Any, type_: str, value: object):
    _skip_without(type_)
    (case,) = (case for case in CASES if case.type == type_)
    with pytest.raises(InvalidArgument, match=r"argument v is an? .* that doesn't fit"):
        await query(db, case)(v=value)


@pytest.mark.parametrize("type_", ["text", "jsonb", "citext", "hstore"])
async def test_nul_is_refused(db: Any, type_: str):
    (case,) = (case for case in CASES if case.type == type_)
    with pytest.raises(InvalidValue):
        await query(db, case)(v={"a\0": None} if type_ == "hstore" else "a\0")


async def test_arrays_of_several_dimensions_are_nested_lists(db: Any):
    await db.execute("insert into t1 (many) values ('{{1,2},{3,NULL}}'), ('[2:3]={1,2}'), ('{}')")
    found = await db.fetch("select many from t1 order by id desc limit 3")
    assert [row[0] for row in found] == [[], [1, 2], [[1, 2], [3, None]]]
    assert await db.kept.keep_t1_many(many=[[1, 2], [3, None]]) == [[1, 2], [3, None]]


@pytest.mark.parametrize("type_", UNREAD)
def test_arrays_that_would_crash_the_driver_are_refused(tmp_path: Path, type_: str):
    query = f"-- name: get :one!\nselect array[null::{type_}] as v;"
    schema = "create extension intarray; create table t ();"
    (problem,) = made(tmp_path, "refused", schema, query).problems
    assert f"no Python type for {type_}[]" in problem.message
    assert "::text[]" in str(problem.hint)


@pytest.mark.parametrize("type_", sorted(set(UNGIVEN) - set(UNREAD)))
def test_arrays_that_the_driver_misreads_are_refused(tmp_path: Path, type_: str):
    _skip_without(type_)
    query = f"-- name: get :one!\nselect :v::{type_}[] as v;"
    extension = "create extension vector; " if "vec" in type_ else ""
    schema = extension + "create table t ();"
    (problem,) = made(tmp_path, "refused", schema, query).problems
    assert "can't be given `v`" in problem.message
    assert "::text[]" in str(problem.hint)


@pytest.mark.parametrize("type_", ["tsvector", "macaddr", "money", "regclass", "aclitem", "cube[]"])
def test_composites_that_the_driver_cannot_read_are_refused(tmp_path: Path, type_: str):
    query = "-- name: get :one!\nselect null::pair as v;"
    schema = f"create extension cube; create type pair as (a int, b {type_});"
    (problem,) = made(tmp_path, "refused", schema, query).problems
    assert "no Python type for pair" in problem.message
    assert "name its attributes" in str(problem.hint)


def _skip_without(type_: str) -> None:
    if "vec" in type_ and "vector" in WITHOUT:
        pytest.skip("this server has no pgvector")
