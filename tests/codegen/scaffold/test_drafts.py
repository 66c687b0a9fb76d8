"""The usual statements of random tables: generated without a word, typed, doing what they say."""

import asyncio
import importlib
import inspect
import itertools
import subprocess
import sys
import types
import typing
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import fields

from salacia_db.codegen.pipeline import generate
from salacia_db.codegen.project import load_project
from salacia_db.codegen.scaffold import drafts
from salacia_db.postgres.scratch import ScratchDatabases, scratch_databases
from salacia_db.runtime import NotFound

NAMES = ("things", "user", "Mixed Case", "größen", "settings", "x2")
COLUMNS = ("id", "version", "limit", "class", "A b", "created_at", "note", "total", "rows", "z")
DEFAULTS = {
    "int": "7",
    "bigint": "7",
    "text": "'some'",
    "uuid": "gen_random_uuid()",
    "boolean": "true",
    "date": "current_date",
    "timestamptz": "now()",
    "numeric": "1.5",
    "jsonb": "'{}'",
    "int[]": "'{}'",
}
IN_A_KEY = ("int", "bigint", "text", "uuid", "date", "timestamptz", "numeric")


@st.composite
def tables(draw: st.DrawFn) -> dict[str, str]:
    """Some tables by their names: what stands in the brackets of each."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=3, max_size=len(NAMES), unique=True))
    return {name: draw(table()) for name in names}


@st.composite
def table(draw: st.DrawFn) -> str:
    names = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=6, unique=True))
    columns: list[str] = []
    keys: list[str] = []
    identity = False
    for name in names:
        kind = draw(st.sampled_from(list(DEFAULTS)))
        how = draw(st.sampled_from(["", "not null", "default", "null default", "made", "counted"]))
        text = f'"{name}" {kind}'
        if how == "made":
            text += f" generated always as ({DEFAULTS[kind]}) stored"
            how = "null" if kind in ("uuid", "date", "timestamptz") else how
        if how == "null":
            text = f'"{name}" {kind}'
        elif how == "counted" and not identity:
            always = draw(st.sampled_from(["always", "by default"]))
            text, identity = f'"{name}" bigint generated {always} as identity', True
            keys.append(name)
        elif "default" in how:
            text += f" default {DEFAULTS[kind]}" + ("" if how.startswith("null") else " not null")
        elif how == "not null":
            text += " not null"
            if kind in IN_A_KEY:
                keys.append(name)
        columns.append(text)
    chosen = draw(st.lists(st.sampled_from(keys), unique=True, max_size=2)) if keys else []
    if chosen:
        word = draw(st.sampled_from(["primary key", "unique"]))
        quoted = ", ".join(f'"{name}"' for name in chosen)
        columns.append(f"{word} ({quoted})")
    return ", ".join(columns)


@pytest.fixture(scope="module")
def databases() -> Iterator[ScratchDatabases]:
    with scratch_databases() as made:
        yield made


_numbers = itertools.count(1)


@settings(
    deadline=None,
    max_examples=5,
    phases=(Phase.generate,),  # an example takes seconds: to find a smaller one would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(schema=tables())
def test_the_usual_statements_of_any_table_do_what_they_say(
    databases: ScratchDatabases, tmp_path: Path, schema: dict[str, str]
) -> None:
    package = f"scaffolded_{next(_numbers)}"
    folder = tmp_path / package
    folder.mkdir()
    ddl = "".join(f'create table "{name}" ({inside});\n' for name, inside in schema.items())
    (folder / "schema.sql").write_text(ddl)
    url = databases.create()
    flags = {"schema": ("schema.sql",), "queries": ("sql",), "out": package, "database_url": url}
    project = load_project(folder, flags)

    for draft in drafts(project, list(schema)):
        draft.path.parent.mkdir(exist_ok=True)
        draft.path.write_text(draft.text)
    generated = generate(project)
    assert [problem.render() for problem in generated.problems] == []
    generated.write()
    checker = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "mypy")]
    checked = subprocess.run([*checker, package], cwd=folder, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    asyncio.run(use(url, ddl, folder, package))


async def use(url: str, ddl: str, folder: Path, package: str) -> None:
    """Call every statement of the package."""
    connection = await asyncpg.connect(url)
    await connection.execute(ddl)
    await connection.close()
    sys.path.insert(0, str(folder))
    module = importlib.import_module(package)
    sys.path.remove(str(folder))
    async with module.Database(url) as db:
        for path in sorted((folder / "sql").glob("*.sql")):
            await use_group(getattr(db, path.stem))


async def use_group(group: Any) -> None:
    """Rows come, are found, change and go."""
    values = Values()
    rows = [await group.create(**values.of(group.create)) for _ in range(3)]
    if hasattr(group, "create_many"):
        wanted = values.inputs(group.create_many)
        rows += await group.create_many(wanted)
    found = await group.list()
    # A page has another order than that in which they came.
    assert sorted(map(repr, found)) == sorted(map(repr, rows))
    if not hasattr(group, "get"):
        return
    row = rows[0]
    key = arguments(group.get, row)
    assert await group.get(**key) == row
    if hasattr(group, "update"):
        row = await check_update(group, key, row, values)
    if hasattr(group, "update_unchanged"):
        given = arguments(group.update_unchanged, row, required=True)
        after = await group.update_unchanged(**given)
        assert after == await group.get(**key)
        with pytest.raises(NotFound):
            await group.update_unchanged(**given)
        row = after
    if hasattr(group, "upsert"):
        again = {**values.of(group.upsert), **arguments(group.upsert, row, required=True)}
        before = len((await group.list()).items)
        await group.upsert(**again)
        await group.upsert(**again)
        assert len((await group.list()).items) == before
        row = await group.get(**key)
    assert await group.delete(**key) == row
    assert await group.delete(**key) is None
    assert await group.get(**key) is None


async def check_update(group: Any, key: dict[str, Any], row: Any, values: "Values") -> Any:
    """What is left out stays, but for a version that counts."""
    same = await group.update(**key)
    assert {k: v for k, v in plain(same).items() if k != "version"} == {
        k: v for k, v in plain(row).items() if k != "version"
    }
    everything = {**values.of(group.update), **key}
    after = await group.update(**everything)
    assert after == await group.get(**key)
    for name, value in everything.items():
        if hasattr(after, name) and value is not UNSET:
            assert getattr(after, name) == value
    return after


def plain(row: Any) -> dict[str, Any]:
    """A row as a dict."""
    return {field.name: getattr(row, field.name) for field in fields(row)}


def arguments(method: Any, row: Any, *, required: bool = False) -> dict[str, Any]:
    """The arguments that a row has, or those of them that must be given."""
    return {
        # The rows of a table with one column are its values.
        name: getattr(row, name) if isinstance(row, Struct) else row
        for name, parameter in inspect.signature(method).parameters.items()
        if not required or parameter.default is inspect.Parameter.empty
    }


class Values:
    """Values of the types that methods want, no two alike."""

    def __init__(self) -> None:
        self.number = 0

    def of(self, method: Any) -> dict[str, Any]:
        """Arguments: of those that may be left out, every second."""
        hints = typing.get_type_hints(method)
        found: dict[str, Any] = {}
        for index, (name, parameter) in enumerate(inspect.signature(method).parameters.items()):
            left_out = parameter.default is not inspect.Parameter.empty
            if not left_out or index % 2:
                found[name] = self.one(hints[name])
        return found

    def inputs(self, method: Any) -> list[Any]:
        """Two rows for a bulk call; where they are simple values, such."""
        ((_, hint),) = [pair for pair in typing.get_type_hints(method).items() if pair[0] == "rows"]
        (row,) = typing.get_args(typing.get_args(hint)[0])
        names = typing.get_type_hints(row)
        return [row(**{f.name: self.one(names[f.name]) for f in fields(row)}) for _ in range(2)]

    def one(self, hint: Any) -> Any:
        """A value of the type; where there are several, of the first that is one."""
        self.number += 1
        n = self.number
        if typing.get_origin(hint) in (typing.Union, types.UnionType):
            hint = next(t for t in typing.get_args(hint) if t not in (type(None), UnsetType))
        made = {
            int: n,
            str: f"s{n}",
            UUID: UUID(int=n),
            bool: bool(n % 2),
            date: date(2000, 1, 1) + timedelta(n),
            datetime: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(n),
            Decimal: Decimal(n),
            Any: {"n": n},
        }
        return made.get(hint, [n])
