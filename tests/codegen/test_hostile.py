"""Hostile names and texts, from the files and the database to a package that is imported.

What is generated parses, imports, means the same and runs nothing; or the clash is reported.
"""

import ast
import builtins
import importlib
import sys
from collections.abc import Iterator
from enum import StrEnum
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from salacia_db.codegen.emit.names import field_name, member_name, struct_name
from salacia_db.codegen.pipeline import Generated, generate
from salacia_db.codegen.project import load_project
from salacia_db.postgres.scratch import ScratchDatabases, scratch_databases
from salacia_db.runtime import Statement

CANARY = "salacia_canary"
# What would leave its literal, docstring, comment or SQL, and be seen to.
RUN = f"__import__('builtins').{CANARY}.append(1)"
POISON = st.sampled_from(
    [
        f'"""\n{RUN}\n"""',
        f"'); {RUN} #",
        f'"); {RUN} #',
        f"⟪{RUN}⟫",
        f"«builtins:{CANARY}»",
        "{}",
        f"{{{RUN}}}",
        "\\",
        "\\N{DIGIT ONE}",
        "\n",
        "\r",
        "'",
        '"',
        "--",
        "/*",
        "$1",
        ":x",
        "\u202e",
        "\u2028",
        "\x1b[2J",
        "а",  # Cyrillic
        "ﬁ",
        "..",
        "/",
    ]
)
LETTERS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
WORDS = st.sampled_from(
    ["class", "None", "self", "__init__", "__class__", "import", "match", "print", "mro", "Struct"]
)
TEXTS = st.lists(POISON | LETTERS | WORDS, max_size=4).map("".join)


def short(text: str) -> str:
    """As much of it as PostgreSQL's names hold."""
    return text.encode()[:63].decode(errors="ignore")


NAMES = TEXTS.map(short).filter(bool)
LONG = st.characters(codec="utf-8", exclude_characters="\0").map(lambda c: short(c * 63))
NUMBER = count()


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    return "E'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


@pytest.fixture(scope="module")
def databases() -> Iterator[ScratchDatabases]:
    with scratch_databases() as made:
        yield made


@pytest.fixture(autouse=True)
def canary(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows where anything hostile is run."""
    found: list[int] = []
    monkeypatch.setattr(builtins, CANARY, found, raising=False)
    return found


def made(folder: Path, url: str, queries: str, more: str = "") -> Generated:
    """A project of its own, on a database that has its schema."""
    folder.mkdir()
    (folder / "things.sql").write_text(queries, "utf-8", newline="")
    (folder / "pyproject.toml").write_text(
        f'[tool.salacia]\nout = "{folder.name}_data"\nqueries = ["things.sql"]\n{more}', "utf-8"
    )
    return generate(load_project(folder, {"database_url": url}))


def imported(generated: Generated) -> ModuleType:
    """The package, written and imported with all its modules; nothing else was written."""
    out = generated.out
    folder = out.parent
    before = set(folder.rglob("*"))
    generated.write()
    assert all(out in (path, *path.parents) for path in set(folder.rglob("*")) - before)
    sys.path.insert(0, str(folder))
    try:
        for file in out.rglob("*.py"):
            ast.parse(file.read_bytes())
            module = ".".join(file.relative_to(folder).with_suffix("").parts)
            importlib.import_module(module.removesuffix(".__init__"))
        return importlib.import_module(out.name)
    finally:
        sys.path.remove(str(folder))


SLOW = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@SLOW
@given(
    table=NAMES | LONG,
    columns=st.lists(NAMES | LONG, min_size=1, max_size=5, unique_by=field_name),
    labels=st.lists(NAMES, min_size=1, max_size=5, unique_by=member_name),
    comments=st.lists(TEXTS, min_size=3, max_size=3),
    default=TEXTS.map(lambda value: value.replace("\n", "").replace("\r", "")),
    constraint=NAMES.map(lambda name: short(f"key {name}")),
)
async def test_a_hostile_table_means_the_same_in_python(
    databases, tmp_path_factory, canary, table, columns, labels, comments, default, constraint
) -> None:
    columns = [c for c in columns if field_name(c) not in ("id", "kind")]
    ref, listed = quoted(table), [quoted("id"), quoted("kind"), *map(quoted, columns)]
    label_list = ", ".join(map(text, labels))
    with databases.database() as url:
        connection = await asyncpg.connect(url)
        await connection.execute(f"""
            create type {quoted("e" + table[:20])} as enum ({label_list});
            create table {ref} (
              id int primary key,
              kind {quoted("e" + table[:20])} not null default {text(labels[0])}
            );
            comment on table {ref} is {text(comments[0])};
            comment on column {ref}.kind is {text(comments[1])};
            alter table {ref} add constraint {quoted(constraint)} unique (id, kind);
        """)
        for column in columns:
            await connection.execute(f"alter table {ref} add {quoted(column)} text")
        doc = "\n".join(f"-- {line}" for line in comments[2].splitlines())
        default = default[:40]
        queries = f"""\
-- name: add :one
{doc}
insert into {ref} ({", ".join(listed)}) values (:id, :kind{", :x" * len(columns)})
returning *;

-- name: grouped :many
select array_agg(t) as "{table[:30].replace('"', '""')}" from {ref} t;

-- name: echoed :one
-- default: given {default!r}
select :given::text as {quoted(table[::-1])}, 1 as b;
"""
        folder = tmp_path_factory.mktemp("hostile") / f"hostile{next(NUMBER)}"
        generated = made(folder, url, queries)
        for problem in generated.problems:
            problem.render().encode()
        if generated.failed:
            assert not (folder / f"{folder.name}_data").exists()
            return
        package = imported(generated)
        struct: Any = getattr(package, struct_name(table), None)
        enums = sys.modules[f"{package.__name__}.enums"]
        (enum,) = (found for found in vars(enums).values() if is_enum(found))
        assert [member.value for member in enum] == labels
        async with package.connect(url) as db:
            for number, label in enumerate(labels):
                more = {"x": comments[0]} if columns else {}
                row = await db.things.add(id=number, kind=enum(label), **more)
                assert struct is None or type(row) is struct
                assert astuple(row) == (number, label, *[comments[0]] * len(columns))
            (rows,) = await db.things.grouped()
            assert [row.kind for row in rows] == labels
            echoed = await db.things.echoed()
            assert astuple(echoed) == (default, 1)
        await connection.close()
    assert canary == []


def is_enum(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, StrEnum) and found is not StrEnum


SCHEMA = "create table t (id int primary key, a int, b text)"


NAME = st.from_regex(r"\w{1,12}", fullmatch=True)


@SLOW
@given(
    words=st.lists(NAME | NAMES, min_size=6, max_size=6),
    label=NAME.filter(lambda label: label.lower() not in ("true", "false")),
)
async def test_hostile_directives_are_read_or_refused(
    databases, tmp_path_factory, canary, words, label
) -> None:
    """Whatever stands where a name, a label, a key or a default belongs."""
    name, default, empty, where, value, key = (
        word.replace("\n", " ").replace("\r", " ") for word in words
    )
    doubtful = f"""\
-- name: {name} :many
-- default: a {default}
-- empty: {empty}
select id, b from t
where true  -- where: {where}
  and a = :a
  and a = 1  -- if :by = {value}
order by
  a;  -- sort: {key}

"""
    plain = f"""\
-- name: chosen :many
select id, a from t
where true
  and a = 1  -- if :by = {label}
order by
  a, id;  -- sort: {label} / {label}_back

-- name: paged :page
select id, b from t
order by
  b, id desc;  -- sort: {label}
"""
    with databases.database() as url:
        connection = await asyncpg.connect(url)
        await connection.execute(SCHEMA)
        await connection.close()
        folder = tmp_path_factory.mktemp("hostile")
        first = made(folder / f"hostile{next(NUMBER)}", url, doubtful + plain)
        for problem in first.problems:
            problem.render().encode()
        second = made(folder / f"hostile{next(NUMBER)}", url, plain)
        assert not second.failed, [problem.render() for problem in second.problems]
        for generated in (first, second):
            if not generated.failed:
                async with imported(generated).connect(url) as db:
                    assert await db.things.chosen(by=label, sort=f"{label}_back") == []
                    assert (await db.things.paged(sort=label)).items == []
    assert canary == []


@SLOW
@given(key=NAMES, value=NAMES)
async def test_hostile_settings_are_followed_or_refused(
    databases, tmp_path_factory, canary, key, value
) -> None:
    more = f"""
[tool.salacia.names]
{toml(key)} = {toml(value)}
"t.a" = {toml(value)}
[tool.salacia.types]
"public.t.b" = {toml(value)}
"""
    with databases.database() as url:
        connection = await asyncpg.connect(url)
        await connection.execute(SCHEMA)
        await connection.close()
        folder = tmp_path_factory.mktemp("hostile") / f"hostile{next(NUMBER)}"
        generated = made(folder, url, "-- name: all :many\nselect * from t;\n", more)
        assert generated.failed
        for problem in generated.problems:
            problem.render().encode()
        assert not (folder / f"{folder.name}_data").exists()
    assert canary == []


def toml(value: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08x}" for c in value) + '"'


async def test_a_query_called_like_what_another_runs_when_empty(
    databases, tmp_path_factory
) -> None:
    queries = """\
-- name: change :one
update t set
  a = :a,  -- if :a
  b = :b   -- if :b
where id = :id returning *;

-- name: change_empty :one
select * from t where id = :id;
"""
    with databases.database() as url:
        connection = await asyncpg.connect(url)
        await connection.execute(SCHEMA)
        await connection.close()
        folder = tmp_path_factory.mktemp("hostile")
        generated = made(folder / f"hostile{next(NUMBER)}", url, queries)
        package = imported(generated)
    things = sys.modules[f"{package.__name__}.things"]
    assert isinstance(things._CHANGE_EMPTY, Statement)
