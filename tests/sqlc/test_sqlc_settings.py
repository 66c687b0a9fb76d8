"""What is wrong with sqlc's own settings is told at its place, all of it at once."""

from pathlib import Path

import pytest

from salacia_db.codegen.problems import ProblemsError
from salacia_db.codegen.project import Project
from salacia_db.codegen.sqlc import Loaded, load_projects
from salacia_db.codegen.sqlc.migrations import sql_files, without_rollback

ENTRY = """\
version: "2"
sql:
  - schema: schema.sql
    queries: query.sql
    engine: postgresql
    gen:
      python: {out: shop, package: shop}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a schema and queries."""
    (tmp_path / "schema.sql").write_text("create table t (id int primary key);\n")
    (tmp_path / "query.sql").write_text("-- name: All :many\nselect * from t;\n")
    return tmp_path


def load(folder: Path, text: str, name: str = "sqlc.yaml", **flags: object) -> Loaded:
    (folder / name).write_text(text)
    return load_projects(folder, flags)


def told(folder: Path, text: str, name: str = "sqlc.yaml", **flags: object) -> list[str]:
    """Each problem as `line:column: message; hint`."""
    with pytest.raises(ProblemsError) as caught:
        load(folder, text, name, **flags)
    lines: list[str] = []
    for problem in caught.value.problems:
        place = problem.position() or ("", 0, 0)
        lines.append(f"{place[1]}:{place[2]}: {problem.message}; {problem.hint}")
    return lines


def one(loaded: Loaded) -> Project:
    (project,) = loaded.projects
    return project


def test_a_sound_file(folder: Path) -> None:
    project = one(load(folder, ENTRY))
    assert project.package == "shop"
    assert project.out == folder / "shop"
    assert project.schema == (folder / "schema.sql",)
    assert project.dialect == "sqlc"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [
            "1:1: sqlc.yaml holds no settings; sqlc's configuration begins with `version: \"2\"`"
        ]),
        ("a: [1", [
            "1:6: this is not valid YAML: expected ',' or ']', but got '<stream end>'; None"
        ]),
        ("a: &a [*a]", ["1:4: this refers to itself; None"]),
        ("sql: []", ['1:1: no version is named; write `version: "2"`']),
        ("version: 3", ["1:10: there is no version '3'; there are 1 and 2"]),
        ("version: [2]", [
            '1:1: no version is named; write `version: "2"`',
            "1:10: `version` has to be a text; None",
        ]),
        ("version: 2", [
            "1:1: `sql` names no package; list schema, queries and engine of each package under it"
        ]),
        ("version: 1\npackages:", [
            "2:10: `packages` names no package; "
            "list schema, queries and engine of each package under it"
        ]),
        ("version: 2\nsql: yes", ["2:6: `sql` has to be a list of tables; None"]),
        (ENTRY.replace("postgresql", "sqlite"), [
            "5:13: the engine is sqlite; only packages for PostgreSQL can be generated"
        ]),
        (ENTRY.replace("    engine: postgresql\n", ""), [
            "3:5: no engine is named; write `engine: postgresql`"
        ]),
        (ENTRY.replace("schema: schema.sql", "schemas: schema.sql"), [
            "3:5: no schema is named; write `schema: schema.sql`, or name a database with "
            "--database-url",
            "3:14: there is no setting 'schemas'; did you mean `schema`?",
        ]),
        (ENTRY.replace("    queries: query.sql\n", ""), [
            "3:5: no queries are named; write `queries: query.sql`"
        ]),
        (ENTRY.replace("schema.sql", "[a.sql, 'b/*.sql', 7]"), [
            "3:13: `schema` has to be a text or a list of texts; None",
            "3:14: there is nothing at a.sql; name the files of the schema",
            "3:21: there is nothing at b/*.sql; name the files of the schema",
        ]),
        (ENTRY.replace("query.sql", "empty"), [
            "4:14: no .sql files in empty; name the files of the queries"
        ]),
        (ENTRY.replace("out: shop, package: shop", "out: import, package: class"), [
            "7:38: 'class' can't be the name of a Python package; "
            "it needs a name of letters, digits and underscores, and no keyword"
        ]),
        (ENTRY + "  - {schema: schema.sql, queries: query.sql, engine: postgresql, "
         "gen: {python: {out: ./shop/, package: shop}}}\n", [
            "8:104: a second package would be written to shop; give one of them another name"
        ]),
        (ENTRY.replace("package: shop", "package: shop, overrides: [{py_type: str}]"), [
            "7:54: an override names either a `db_type` or a `column`; None"
        ]),
        (ENTRY.replace("package: shop", "package: shop, overrides: [{column: id, py_type: str}]"), [
            "7:63: this names no column; write table.column or schema.table.column"
        ]),
        (ENTRY.replace("package: shop", "package: shop, overrides: [{db_type: text}]"), [
            "7:54: an override without a `py_type`; None"
        ]),
        (ENTRY.replace("package: shop", "package: shop, overrides: "
                       "[{db_type: a, py_type: {a: b}}]"), [
            "7:76: a `py_type` without a `type`; None"
        ]),
        (ENTRY.replace("package: shop", "package: shop, rename: {a: a-b}"), [
            "7:54: `a-b` can't be a name in Python; "
            "write letters, digits and underscores, beginning with a letter"
        ]),
        (ENTRY.replace("package: shop", "emit_exact_table_names: 1"), [
            "7:51: `emit_exact_table_names` has to be true or false; None"
        ]),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_place(folder: Path, text: str, expected: list[str]) -> None:
    (folder / "empty").mkdir()
    assert told(folder, text) == expected


def test_json_is_read_with_its_tabs_and_mistakes_told(folder: Path) -> None:
    packages = '[{"path": "a/b", "schema": "x.sql",\n\t"queries": 1}]'
    text = f'{{\n\t"version": "1",\n\t"packages": {packages}\n}}'
    assert told(folder, text, "sqlc.json") == [
        "3:41: there is nothing at x.sql; name the files of the schema",
        "4:13: `queries` has to be a text or a list of texts; None",
    ]
    assert told(folder, '{"version": }', "sqlc.json") == [
        "1:13: this is not valid JSON: Expecting value; None"
    ]


def test_a_file_that_is_not_utf_8(folder: Path) -> None:
    (folder / "sqlc.yaml").write_bytes(b"version: \xff")
    with pytest.raises(ProblemsError, match="isn't UTF-8"):
        load_projects(folder, {})


def test_no_password_of_the_file_is_shown(folder: Path) -> None:
    uri = "postgresql://me:tiger@host/db"
    text = ENTRY.replace("engine: postgresql", f"database: {{uri: '{uri}', engine: [}}")
    with pytest.raises(ProblemsError) as caught:
        load(folder, text)
    assert "host" in str(caught.value)
    assert "tiger" not in str(caught.value)


def test_flags_go_before_the_file(folder: Path) -> None:
    assert one(load(folder, ENTRY, out="mine")).out == folder / "mine"
    found = load(folder, ENTRY, schema=["schema.sql"], queries=["query.sql"], out="own")
    assert found.file is None
    assert one(found).package == "own"
    with pytest.raises(ProblemsError, match="nothing says where the schema is"):
        load(folder, ENTRY, dialect="salacia")


def test_one_folder_is_too_few_for_two_packages(folder: Path) -> None:
    second = ENTRY.partition("sql:\n")[2].replace("shop", "other")
    hint = "leave out `--out`, or keep one of the packages"
    assert told(folder, ENTRY + second, out="x") == [
        f"{line}:5: one folder for the 2 packages of sqlc's file; {hint}" for line in (3, 8)
    ]


def test_settings_of_ours_stand_beside_the_file(folder: Path) -> None:
    settings = folder / "pyproject.toml"
    settings.write_text('[tool.salacia.types]\n"public.t.id" = "str"\n')
    project = one(load(folder, ENTRY))
    assert project.package == "shop"
    assert project.types == {"public.t.id": "str"}
    settings.write_text('[tool.salacia]\nschema = ["schema.sql"]\nqueries = ["query.sql"]\n')
    assert load(folder, ENTRY).file is None


def test_a_database_may_stand_for_the_schema(folder: Path) -> None:
    text = ENTRY.replace("schema: schema.sql\n    ", "")
    project = one(load(folder, text, database_url="postgresql://host/db"))
    assert project.schema == ()
    assert project.database_url == "postgresql://host/db"


def test_code_of_sqlc_is_left_alone(folder: Path) -> None:
    (folder / "shop").mkdir()
    (folder / "shop" / "models.py").write_text("# Code generated by sqlc. DO NOT EDIT.\n")
    loaded = load(folder, ENTRY)
    assert one(loaded).out == folder / "generated" / "shop"
    (problem,) = loaded.problems
    assert problem.severity == "warning"
    assert problem.message == "shop holds files that salacia has not written"
    (folder / "shop" / "models.py").write_text("# Generated by salacia. Do not edit.\n")
    assert one(load(folder, ENTRY)).out == folder / "shop"


@pytest.mark.parametrize(
    ("out", "package", "folder_of_it"),
    [
        ("src/acme/shop", "acme.shop", "src/acme/shop"),
        (".", "shop", "shop"),
        ("src/my-shop", "shop", "src/my-shop/shop"),
        ("gen", "", "gen"),
    ],
)
def test_where_the_package_goes(folder: Path, out: str, package: str, folder_of_it: str) -> None:
    text = ENTRY.replace("out: shop, package: shop", f"out: {out}, package: '{package}'")
    loaded = load(folder, text)
    assert one(loaded).out == folder / folder_of_it
    assert loaded.problems == ()


def test_a_nullable_override_is_taken_for_all_and_warned_of(folder: Path) -> None:
    one_of = "{db_type: text, nullable: true, py_type: str}"
    both = (
        "{db_type: pg_catalog.integer, py_type: int}, {db_type: int4, nullable: true, py_type: int}"
    )
    options = f"package: shop, overrides: [{one_of}, {both}]"
    loaded = load(folder, ENTRY.replace("package: shop", options))
    assert one(loaded).types == {"text": "str", "int4": "int"}
    assert [p.message for p in loaded.problems] == [
        "the override for `text` is for nullable columns, and taken for all"
    ]


@pytest.mark.parametrize(
    "marker",
    [
        "-- +goose Down",
        "--+goose down",
        "-- +migrate Down",
        "-- migrate:down",
        "-- migrate:down transaction:false",
        "---- create above / drop below ----",
    ],
)
def test_the_way_back_is_cut_off(marker: str) -> None:
    assert without_rollback(f"a;\n{marker}\nb;\n") == "a;\n"
    quoted = f"a;\n-- about {marker}\nb;\n"
    assert without_rollback(quoted) == quoted


def test_files_of_a_folder_come_in_the_order_in_which_they_run(tmp_path: Path) -> None:
    for name in ("10_c.up.sql", "9_b.up.sql", "1_a.up.sql", "1_a.down.sql", ".2.sql", "x.txt"):
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "3.sql").touch()
    found = sql_files(tmp_path, ".") or []
    assert [file.name for file in found] == ["1_a.up.sql", "9_b.up.sql", "10_c.up.sql"]
    (tmp_path / "schema.sql").touch()
    found = sql_files(tmp_path, "*.sql") or []
    assert [file.name for file in found] == [
        "10_c.up.sql", "1_a.up.sql", "9_b.up.sql", "schema.sql"
    ]  # fmt: skip
    assert sql_files(tmp_path, "none/*.sql") is None
    assert sql_files(tmp_path, "none") is None
