"""No input brings a traceback: garbage is told like any other mistake."""

import random
import string
import time

import pytest
from commands import FLAGS, QUERIES, SETTINGS, Folder

_PIECES = [
    *("-- name: ", ":one", ":many", "\n", ";", "'", '"', "$$", "$1", ":x", "@y", "/*", "*/", "("),
    *("select ", " from customers", " where ", "1", "::", ":=", "\\", "\0", "\r\n", "\ufeff", "é"),
    *("sqlc.arg(", ")", "-- if :x", "-- returns: ", "[", "]", "{", "}", "😀", "\u2028", "\x1b[2J"),
    *("update customers set ", "returning *", "with a as ", "insert into ", "E'\\", "U&'\\", "--"),
]


def garbage(seed: int) -> bytes:
    """Some text or bytes that nobody would write."""
    source = random.Random(seed)
    match seed % 4:
        case 0:
            return source.randbytes(source.randrange(200))
        case 1:
            return "".join(source.choices(_PIECES, k=source.randrange(60))).encode()
        case 2:
            text = "".join(source.choices(string.printable, k=source.randrange(200)))
            return ("-- name: x :many\n" + text).encode()
        case _:
            text = list(QUERIES)
            for _ in range(source.randrange(1, 6)):
                text[source.randrange(len(text))] = source.choice(_PIECES)
            return "".join(text).encode()


@pytest.mark.parametrize("seed", range(60))
def test_garbage_in_queries(bare: Folder, seed: int):
    bare.write("customers.sql", garbage(seed))
    said = bare.salacia("generate", *FLAGS)
    # Nor does it reach the terminal's own commands.
    assert "\x1b" not in said.err + said.out
    assert (said.status == 0) == (bare.path / "app").exists()


@pytest.mark.parametrize("seed", range(100, 124))
def test_garbage_in_the_schema(bare: Folder, seed: int):
    bare.write("schema.sql", garbage(seed).replace(b"customers", b"things"))
    assert bare.salacia("generate", *FLAGS).status in (0, 1)


@pytest.mark.parametrize("seed", range(200, 220))
def test_garbage_in_a_migration(bare: Folder, seed: int):
    bare.write("migrations/0001_x.sql", garbage(seed))
    flags = ("--migrations", "migrations", "--queries", "customers.sql", "--out", "app")
    assert bare.salacia("generate", *flags).status in (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe[tool.salacia]",
        b"[tool.salacia",
        b"[tool]\nsalacia = 1",
        b"tool = 1 # tool.salacia",
        b"[[tool.salacia]]\n",
        b"[tool.salacia]\nschema = [1]",
        b"[tool.salacia]\nout = 1",
        b"[tool.salacia]\nout = ''\nschema = ['schema.sql']",
        b"[tool.salacia]\nout = '..'\nschema = ['schema.sql']",
        b"[tool.salacia]\nout = '/'\nschema = ['schema.sql']",
        b"[tool.salacia]\npackage = ''\nschema = ['schema.sql']",
        b"[tool.salacia]\npackage = 'a/b'\nschema = ['schema.sql']",
        b"[tool.salacia]\nschema = []",
        b"[tool.salacia]\nschema = ['']",
        b"[tool.salacia]\nschema = ['.']",
        b'[tool.salacia]\nschema = ["a\\u0000b"]',
        b"[tool.salacia]\nmigrations = 'schema.sql'",
        b"[tool.salacia]\nschema = ['schema.sql']\nqueries = ['schema.sql/x']",
        b"[tool.salacia]\nschema = ['schema.sql']\ntypes = 1",
        b"[tool.salacia]\nschema = ['schema.sql']\n[tool.salacia.types]\nx = 1",
        b"[tool.salacia]\nschema = ['schema.sql']\n[tool.salacia.names]\n'' = ''",
        b"[tool.salacia]\ndialect = ''",
        b"[tool.salacia]\ndatabase-url = 'postgresql://127.0.0.1:1/x'",
        b"[tool.salacia]\ndatabase-url = '\\n'",
    ],
)
def test_garbage_in_settings(bare: Folder, text: bytes):
    bare.write("pyproject.toml", text)
    before = bare.tree()
    result = bare.salacia("generate")
    assert result.status == 1
    assert "error: " in result.err
    assert bare.tree() == before
    assert bare.describe()[0] == 1
    bare.salacia("migrate", "status", "--database-url", "postgresql://127.0.0.1:1/x")


def test_settings_of_another_tool_only_are_not_ours(bare: Folder):
    bare.write("pyproject.toml", "[tool.other]\nx = 1\n")
    assert bare.salacia("generate", *FLAGS).status == 0


def test_folders_in_place_of_files(project: Folder):
    (project.path / "customers.sql").unlink()
    (project.path / "customers.sql").mkdir()
    assert "no .sql files in customers.sql" in project.salacia("generate").err
    (project.path / "schema.sql").unlink()
    (project.path / "schema.sql").mkdir()
    assert "error: schema.sql is a folder" in project.salacia("generate").err
    (project.path / "pyproject.toml").unlink()
    (project.path / "pyproject.toml").mkdir()
    assert project.salacia("generate").status == 1


def test_a_file_in_place_of_the_output(project: Folder):
    project.write("app", "mine")
    result = project.salacia("generate")
    assert result == (1, "", "error: app is a file\n  hint: choose another folder for the output\n")
    assert project.read("app") == "mine"


def test_empty_files_are_no_mistake(bare: Folder):
    bare.write("schema.sql", "")
    bare.write("customers.sql", "")
    assert bare.salacia("generate", *FLAGS).status == 0


def test_text_of_another_encoding_is_told_at_its_place(bare: Folder):
    bare.write("customers.sql", "-- name: é :one\nselect 1 as Ü;".encode("latin-1"))
    result = bare.salacia("generate", *FLAGS)
    assert result.err.startswith("customers.sql:1:10: error: the file isn't UTF-8\n")
    bare.write("schema.sql", "-- Ü\n".encode("latin-1"))
    assert "error: schema.sql isn't UTF-8" in bare.salacia("generate", *FLAGS).err


def test_a_huge_file_takes_no_more_than_its_share(bare: Folder):
    lines = "".join(
        f"-- name: q{n} :many\nselect {n} as n, '{'x' * 80}' as x;\n" for n in range(300)
    )
    bare.write("customers.sql", lines + "-- " + "y" * 3_000_000 + "\n" + "/* " + "z\n" * 200_000)
    started = time.monotonic()
    result = bare.salacia("generate", *FLAGS)
    assert "a comment that never closes" in result.err
    assert time.monotonic() - started < 60


def test_a_statement_that_postgresql_finds_too_deep(bare: Folder):
    bare.write("customers.sql", f"-- name: deep :one\nselect {'(' * 20000}1{')' * 20000} as n;\n")
    result = bare.salacia("generate", *FLAGS)
    assert result.status == 1
    assert "customers.sql:" in result.err


@pytest.mark.parametrize("depth", [100, 150, 250, 330, 500, 5000])
def test_a_deep_statement_that_postgresql_takes(bare: Folder, depth: int):
    deep = " + ".join(["1"] * depth)
    bare.write("customers.sql", f"-- name: deep :one\nselect {deep} as n;\n")
    result = bare.salacia("generate", *FLAGS)
    if depth > 100 and result.status:
        assert result.err.startswith("customers.sql:1:1: error: the statement is nested too deeply")
    else:
        assert result.status == 0


def test_statements_that_would_do_harm_are_only_parsed(bare: Folder):
    bare.write(
        "customers.sql",
        "-- name: drop :exec\ndrop table customers;\n"
        "-- name: gone :exec\ndrop database postgres;\n"
        "-- name: still_there :many\nselect * from customers;\n",
    )
    assert bare.salacia("generate", *FLAGS).status == 0


def test_structs_alone_are_a_package(bare: Folder):
    bare.write("pyproject.toml", SETTINGS.replace('["customers.sql"]', "[]"))
    assert bare.salacia("generate").status == 0
    assert "class Customer(" in bare.read("app/models.py")
