"""Bulk calls of generated code do what the statement does for one entry after the other."""

import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from cases import AVAILABLE as CASES
from cases import EXTENSIONS, NAMES, Case, alike
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from projects import imported, made, written

from salacia_db.postgres.scratch import scratch_database
from salacia_db.runtime import SalaciaError
from salacia_db.runtime.bulk import chunks

SCHEMA = """
create table {0} (
  id bigint generated always as identity primary key,
  k int constraint {0}_k unique,
  name varchar(9) check (length(name) < 6),
  n numeric not null default 1 check (n < 100),
  doc jsonb,
  tags text[],
  spot place,
  up {1} references {2} on delete {3}
);
"""
# What each table has that the others don't.
TABLES = {
    "plain": SCHEMA.format("plain", "int", "other (k)", "cascade"),
    "watched": SCHEMA.format("watched", "int", "other (k)", "set null")
    + """
create table seen (id bigint generated always as identity, k int, total bigint);
create function watch() returns trigger language plpgsql as $$
begin
  insert into seen (k, total) select coalesce(new.k, old.k), count(*) from watched;
  if tg_op = 'INSERT' and new.k = 5 then return null; end if;
  return coalesce(new, old);
end $$;
create trigger watch before insert or update or delete on watched
  for each row execute function watch();
create function count_all() returns trigger language plpgsql as $$
begin
  insert into seen (total) select count(*) from watched;
  return null;
end $$;
create trigger count_all after insert or delete on watched execute function count_all();
""",
    "noted": SCHEMA.format("noted", "int", "other (k)", "cascade")
    + """
create table notes (id bigint generated always as identity, k int, n int);
create function note() returns trigger language plpgsql as $$
begin
  insert into notes (k, n) values (coalesce(new.k, old.k), new.n);
  return null;
end $$;
comment on function note() is 'Notes who comes and goes.
salacia: only writes';
create trigger note after insert or update or delete on noted
  for each row execute function note();
""",
    "tree": SCHEMA.format("tree", "int", "tree (k)", "cascade"),
}
# Of each table: a statement, and whether it can be one over lists where the table is plain.
STATEMENTS = {
    "add": ("insert into {} (k, name, n) values (:k, :name, :n) returning k, name, n", True),
    "grow": ("insert into {} (k, name, up) values (:k, upper(:name), :up) returning k, up", True),
    "note": ("insert into {} (k, doc) values (:k, :doc) returning k, doc", True),
    "tag": ("insert into {} (k, tags) values (:k, :tags) returning k, tags", True),
    "label": ("insert into {} (k, doc, tags) values (:k, :doc, :tags) returning k, tags", True),
    "site": ("insert into {} (k, spot) values (:k, :spot) returning k, spot", True),
    "retag": ("update {} set tags = :tags, name = :name where k = :k returning k, tags", True),
    "next": (
        "insert into {0} (k, n) values (:k, (select count(*) from {0})) returning k, n",
        False,
    ),
    "put": (
        "insert into {0} (k, name) values (:k, :name)"
        " on conflict (k) do update set name = excluded.name, n = {0}.n + 1 returning k, name, n",
        True,
    ),
    "try_put": ("insert into {} (k, name) values (:k, :name) on conflict do nothing", True),
    "rename": ("update {} set name = :name where k = :k returning k, name", True),
    "bump": ("update {} set n = n + :n where k = :k and n is distinct from :k + 40", False),
    "raise": ("update {} set n = n * 2 where k = :k and n < 50 returning k, n", True),
    "move": ("update {} set k = :n where k = :k returning k, name", False),
    "remove": ("delete from {} where k = :k returning k, name", True),
    "clear": ("delete from {} where k = :k and name is not distinct from :name?", True),
}
# The driver has no binary form of these, in which COPY sends its rows.
# Those that the driver has only as text, with their kin.
TEXTS = {"macaddr", "macaddr8", "tsvector", "tsquery", "money", "refcursor", "aclitem", "cube"}
TEXTS |= {"regclass", "regtype", "regproc"}
UNCOPIED = {c.type for c in CASES if c.type in TEXTS or c.kin in TEXTS}
COUNTED = ("try_put", "bump", "clear")
ALONE = {
    (table, name)
    for table in ("plain", "noted")
    for name, (_, lists) in STATEMENTS.items()
    if lists
}


def queries() -> str:
    lines: list[str] = []
    for table in TABLES:
        for name, (sql, _) in STATEMENTS.items():
            kind = "exec" if name in COUNTED else "one"
            for label, kind_ in ((f"{table}_{name}", kind), (f"{table}_{name}_all", "bulk")):
                lines.append(f"-- name: {label} :{kind_}\n{sql.format(table)};")
    for case in CASES:
        name = NAMES[case.type]
        if case.type not in UNCOPIED:
            lines.append(f"-- name: load_{name} :copy\ninsert into of_{name} (v) values (:v);")
        for column in ("v", "w")[: 1 + case.many]:
            for label, kind in ((f"all_{column}", "bulk"), (f"one_{column}", "one")):
                lines.append(f"-- name: {label}_{name} :{kind}")
                lines.append(f"insert into of_{name} ({column}) values (:v) returning {column};")
    return "\n".join(lines)


def schema() -> str:
    lines = [f"create extension {name};" for name in EXTENSIONS]
    lines += ["create type place as (n int, name text, tags text[]);"]
    lines += ["create table other (k int primary key);", *TABLES.values()]
    for case in CASES:
        array = f", w {case.type}[]" if case.many else ""
        lines.append(f"create table of_{NAMES[case.type]} (id serial, v {case.type}{array});")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("bulk"), "bulk_calls", schema(), queries())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with scratch_database() as made:
        yield made


@pytest.fixture(scope="module")
async def db(folder: Path, url: str) -> AsyncIterator[Any]:
    async with imported(folder).connect(url, profile="test") as database:
        await database.execute(schema())
        await database.execute("insert into other select generate_series(0, 3)")
        yield database


def test_what_is_proven_runs_over_lists(folder: Path) -> None:
    text = (folder / "kept.py").read_text()
    found = re.findall(r"^_(\w+)_ALL = Statement\((.*?)^\)", text, re.MULTILINE | re.DOTALL)
    over_lists = {name.lower() for name, body in found if "unnested=" in body}
    # Of a table with triggers, or one that refers to itself, nothing is proven; of triggers that
    # only write, it is vouched for.
    assert over_lists == {f"{table}_{name}" for table, name in ALONE}


# Of a column of its own type, and of arrays: how entries travel, the first choice first.
FORMS = {
    "integer": (["records", "lists"], ["records"]),
    "character(3)": (["records", "lists"], ["records"]),
    "timestamptz": (["records", "lists"], ["records"]),
    "numeric(12,2)": (["records", "lists"], ["records"]),
    "real": (["lists"], []),
    "bytea": (["lists"], []),
    "jsonb": (["lists"], []),
    "int4range": (["lists"], []),
    "point": ([], []),
}


def travels(db: Any, query: str) -> list[str]:
    statement = vars(imported_module(db))[f"_{query.upper()}"]
    return ["records" if how.records else "lists" for _, how in statement.unnested]


@pytest.mark.parametrize("type_", FORMS)
async def test_entries_travel_by_what_is_fastest_for_their_types(db: Any, type_: str) -> None:
    column, array = FORMS[type_]
    assert travels(db, f"all_v_{NAMES[type_]}") == column
    assert travels(db, f"all_w_{NAMES[type_]}") == array


async def test_lists_stand_beside_records_where_they_have_to(db: Any) -> None:
    assert travels(db, "plain_note_all") == ["lists"]
    assert travels(db, "plain_site_all") == ["records"]
    (form,) = vars(imported_module(db))["_PLAIN_LABEL_ALL"].unnested
    assert form.how.records == {0: "int", 2: ("text",)}
    assert form.how.json == (1,)


KEYS = st.integers(0, 6)
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {
            "k": KEYS,
            "name": st.sampled_from(["a", "b", "é", "longer"]) | st.none(),
            "n": st.integers(0, 60) | st.just(100),
            "doc": st.sampled_from([[1, [2]], {"a": [None]}, "x", 1.5, [], None]),
            "tags": st.none() | st.lists(st.sampled_from(["", "x", None]), max_size=2),
            "spot": st.none()
            | st.tuples(KEYS, st.sampled_from(["", None, 'a "b"']), st.just(["x", None])),
            "up": st.none() | st.integers(0, 4),
        }
    ),
    max_size=9,
)


async def outcome(uow: Any, table: str, work: Any) -> tuple[Any, Any]:
    """What the work returns, or the kind and place of its error, and what the tables hold then."""
    try:
        async with uow.unit_of_work():
            result = await work()
    except SalaciaError as error:
        result = (type(error), error.index)
    held = [
        tuple(row)
        for row in await uow.fetch(
            "select rank() over (order by id), k, name, n, doc, tags, spot::text, up"
            f" from {table} order by id"
        )
    ]
    if table == "noted":
        held += [tuple(row) for row in await uow.fetch("select k, n from notes order by k, n")]
    if table == "watched":
        held += [tuple(row) for row in await uow.fetch("select k, total from seen order by id")]
    return result, held


@pytest.mark.parametrize("name", STATEMENTS)
@pytest.mark.parametrize("table", TABLES)
@given(start=ENTRIES, entries=ENTRIES, size=st.integers(1, 9), within=st.booleans())
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
async def test_a_bulk_call_is_a_loop(
    db: Any,
    monkeypatch: pytest.MonkeyPatch,
    table: str,
    name: str,
    start: list[dict[str, Any]],
    entries: list[dict[str, Any]],
    size: int,
    within: bool,
) -> None:
    monkeypatch.setattr(chunks, "ROWS", size)
    single = getattr(db.kept, f"{table}_{name}")
    names = [n for n in single.__annotations__ if n != "return"]
    found: list[Any] = []
    for bulk in (True, False):
        async with db.unit_of_work() as uow:
            for each in start:
                await getattr(uow.kept, f"{table}_try_put")(k=each["k"], name="x")
            if within:
                await uow.execute("select pg_current_xact_id()")

            async def at_once(uow: Any = uow) -> Any:
                method = getattr(uow.kept, f"{table}_{name}_all")
                input_ = vars(imported_module(db))[input_name(f"{table}_{name}_all")]
                return await method(input_(**given_of(db, each, names)) for each in entries)

            async def one_by_one(uow: Any = uow) -> Any:
                got: list[Any] = []
                for index, each in enumerate(entries):
                    try:
                        got.append(
                            await getattr(uow.kept, f"{table}_{name}")(**given_of(db, each, names))
                        )
                    except SalaciaError as error:
                        error.index = index
                        raise
                if name in COUNTED:
                    return sum(got)
                return [row for row in got if row is not None]

            found.append(await outcome(uow, table, at_once if bulk else one_by_one))
            await uow.rollback()
    at_once_, loop = found
    if isinstance(at_once_[0], list):
        at_once_ = ([plainly(row) for row in at_once_[0]], at_once_[1])
        loop = ([plainly(row) for row in loop[0]], loop[1])
    assert at_once_ == loop


def plainly(row: Any) -> tuple[Any, ...]:
    """A row's values: the two statements have structs of their own."""
    return tuple(getattr(row, name) for name in row.__struct_fields__)


def given_of(db: Any, entry: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """The arguments of a call; a place is a struct of the package."""
    place = sys.modules[f"{type(db).__module__.partition('.')[0]}.composites"].Place
    found = {name: entry[name] for name in names}
    if found.get("spot") is not None:
        found["spot"] = place(*found["spot"])
    return found


def input_name(query: str) -> str:
    return "Kept" + "".join(word.title() for word in query.split("_")) + "Input"


def imported_module(db: Any) -> Any:
    return sys.modules[type(db.kept).__module__]


@pytest.mark.parametrize("type_", [c.type for c in CASES if c.type in {*UNCOPIED, "text"}])
def test_copy_of_what_has_no_binary_form_is_refused(tmp_path: Path, type_: str) -> None:
    extensions = "".join(f"create extension {name};" for name in EXTENSIONS)
    tables = f"{extensions} create table t (id int, v {type_});"
    load = "-- name: load :copy\ninsert into t (id, v) values (:id, :v);"
    found = [problem.render() for problem in made(tmp_path, "copied", tables, load).problems]
    if type_ == "text":
        assert found == []
    else:
        assert len(found) == 1
        assert f"COPY can't be given `v`, a {type_.partition('(')[0]}" in found[0]
        assert "use :bulk" in found[0]


@pytest.mark.parametrize("call", ["all_v", "load"])
@pytest.mark.parametrize("case", [c for c in CASES if c.type != "xml"], ids=lambda c: c.type)
@given(data=st.data())
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
async def test_every_type_goes_in(db: Any, call: str, case: Case, data: st.DataObject) -> None:
    if call == "load" and case.type in UNCOPIED:
        return
    values = data.draw(st.lists(st.none() | case.values, min_size=2, max_size=5))
    name = NAMES[case.type]
    input_ = vars(imported_module(db))[input_name(f"{call}_{name}")]
    async with db.unit_of_work() as uow:
        result = await getattr(uow.kept, f"{call}_{name}")([input_(v=value) for value in values])
        if call == "load":
            assert result == len(values)
            result = [row[0] for row in await uow.fetch(f"select v from of_{name} order by id")]
        assert len(result) == len(values)
        for value, came in zip(values, result, strict=True):
            assert alike(None if value is None else case.normal(value), came)
        await uow.rollback()


@pytest.mark.parametrize("column", ["v", "w"])
@pytest.mark.parametrize("case", [c for c in CASES if c.type != "xml"], ids=lambda c: c.type)
@given(data=st.data())
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
async def test_a_bulk_call_writes_what_single_calls_write(
    db: Any, column: str, case: Case, data: st.DataObject
) -> None:
    """Each type, and arrays of it, to the last digit."""
    if column == "w" and not case.many:
        return
    each = case.values if column == "v" else st.lists(st.none() | case.values, max_size=3)
    values = data.draw(st.lists(st.none() | each, min_size=2, max_size=5))
    name = NAMES[case.type]
    input_ = vars(imported_module(db))[input_name(f"all_{column}_{name}")]
    found: list[Any] = []
    for bulk in (True, False):
        async with db.unit_of_work() as uow:
            if bulk:
                await getattr(uow.kept, f"all_{column}_{name}")(input_(v=v) for v in values)
            else:
                for value in values:
                    await getattr(uow.kept, f"one_{column}_{name}")(v=value)
            found.append(await uow.fetch(f"select {column}::text from of_{name} order by id"))
            await uow.rollback()
    assert found[0] == found[1]
    assert len(found[0]) == len(values)
