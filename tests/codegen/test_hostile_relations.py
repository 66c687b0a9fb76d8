"""Hostile names of tables, columns and constraints, by way of table objects, relations and pages.

And of the statements that scaffold writes: all of it is imported, called, and runs nothing else.
"""

import builtins
from collections.abc import Iterator
from typing import Any, get_args

import asyncpg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from test_hostile import CANARY, LONG, NAMES, NUMBER, POISON, SLOW, imported, quoted, short

from salacia_db.codegen.emit.names import field_name
from salacia_db.codegen.pipeline import generate
from salacia_db.codegen.problems import ProblemsError
from salacia_db.codegen.project import Project, load_project
from salacia_db.codegen.scaffold import drafts
from salacia_db.postgres.scratch import ScratchDatabases, scratch_databases
from salacia_db.runtime import Table

# A poison alone, cut to what a name holds, is the likeliest to get out of where it belongs.
ANY_NAME = NAMES | LONG | POISON.map(short)


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


# An example takes seconds: to find a smaller one would take minutes.
@settings(SLOW, max_examples=4, phases=(Phase.generate,))
@given(
    tables=st.lists(ANY_NAME, min_size=3, max_size=3, unique_by=field_name),
    columns=st.lists(ANY_NAME, min_size=5, max_size=5, unique_by=field_name),
    constraints=st.lists(ANY_NAME, min_size=3, max_size=3, unique=True),
)
async def test_hostile_keys_lead_where_they_should(
    databases, tmp_path_factory, canary, tables, columns, constraints
) -> None:
    above, below, between = map(quoted, tables)
    key, parent, note, one, other = map(quoted, columns)
    names = list(map(quoted, constraints))
    schema = f"""
        create table {above} ({key} text primary key, {note} text);
        create table {below} (
          {key} text primary key, {note} text,
          {parent} text not null constraint {names[0]} references {above}
        );
        create table {between} (
          {one} text constraint {names[1]} references {above},
          {other} text constraint {names[2]} references {below},
          primary key ({one}, {other})
        );
        insert into {above} values ('a', 'x'), ('b', null);
        insert into {below} values ('c', 'y', 'a'), ('d', null, 'a');
        insert into {between} values ('b', 'c');
    """
    paged = f"""\
-- name: paged :page
select * from {below}
where true
  and {note} = :note  -- if :note
  and {parent} = 'a'  -- if :by = above
order by
  {note} nulls first, {key},  -- sort: noted / noted_back
  {parent}, {key};  -- sort: above
"""
    with databases.database() as url:
        connection = await asyncpg.connect(url)
        await connection.execute(schema)
        await connection.close()
        folder = tmp_path_factory.mktemp("hostile") / f"keys{next(NUMBER)}"
        (folder / "sql").mkdir(parents=True)
        (folder / "pyproject.toml").write_text(
            f'[tool.salacia]\nout = "{folder.name}_data"\nqueries = ["sql"]\n', "utf-8"
        )
        # The names may hold line breaks, where a line that is optional can't end.
        broken = any(c in name for name in columns + tables for c in "\n\r")
        (folder / "sql" / "walk.sql").write_text("" if broken else paged, "utf-8", newline="")
        project = load_project(folder, {"database_url": url})
        scaffolded = scaffold(project, tables)
        generated = generate(project)
        rendered = [problem.render() for problem in generated.problems]
        if generated.failed:
            assert not (folder / f"{folder.name}_data").exists()
            assert any(told in text for text in rendered for told in TOLD), rendered
            return
        package = imported(generated)
        async with package.connect(url) as db:
            await follow(db, package)
            for name in scaffolded:
                assert len(list(await getattr(db, name).list())) in (1, 2)
            if not broken:
                first = await db.walk.paged(sort="noted", limit=1)
                rest = await db.walk.paged(sort="noted", limit=1, after=first.next)
                field = field_name(columns[0])
                assert [getattr(row, field) for row in (*first, *rest)] == ["d", "c"]
                assert (await db.walk.paged_numbered(sort="above", by="above")).total == 2
    assert canary == []


# What refuses a name: never the SQL that was made of it.
TOLD = ("both become", "too long", "hide")


def scaffold(project: Project, tables: list[str]) -> list[str]:
    """Write the usual statements of the tables; the names of the groups with a list."""
    found: list[str] = []
    for table in tables:
        try:
            (draft,) = drafts(project, [f"public.{table}"])
        except ProblemsError as error:
            for problem in error.problems:
                problem.render().encode()
            continue
        assert draft.path.is_relative_to(project.root)
        # Two tables may want one file: the second is refused by the command.
        if not draft.path.exists():
            draft.path.write_text(draft.text, "utf-8", newline="")
            found += [draft.path.stem] if "list" in draft.names else []
    return found


async def follow(db: Any, package: Any) -> None:
    """Ask for the rows of each table by each of its columns, and for all that they lead to."""
    led = 0
    for table in [t for t in vars(package.tables).values() if isinstance(t, Table)]:
        (model,) = get_args(type(table).__orig_bases__[0])
        rows = await db.find(model)
        for field in model.__struct_fields__:
            column = getattr(table, field)
            for row in rows:
                assert row in await db.find(model, where=column == getattr(row, field))
            assert len(await db.find(model, order_by=column.desc())) == len(rows)
        loaders = getattr(db.relations, repr(table).split()[-1][:-1], None)
        for name in dir(loaders):
            if name.startswith("load_"):
                for found in await getattr(loaders, name)(rows):
                    led += len(found) if isinstance(found, list) else found is not None
    # Two rows refer to one above, which leads to both; the pair to one of each, and they to it
    # and, through it, to each other.
    assert led == 10


def test_a_name_too_long_for_a_file_is_told(databases, tmp_path) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / "pyproject.toml").write_text('[tool.salacia]\nqueries = ["sql"]\nout = "data"\n')
    (tmp_path / "schema.sql").write_text(f'create table "{"~" * 63}" (id int primary key);')
    flags = {"schema": ("schema.sql",), "database_url": databases.create()}
    with pytest.raises(ProblemsError, match="too long for a file"):
        drafts(load_project(tmp_path, flags), ["~" * 63])
