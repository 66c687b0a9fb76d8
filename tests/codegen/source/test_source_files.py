"""Files and folders: what is read, and what group it is."""

from pathlib import Path

import pytest

from salacia_db.codegen.facts import Dialect
from salacia_db.codegen.source import read_queries

SQL = "-- name: get :one\nselect 1;\n"


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: str | bytes = SQL) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def read(tmp_path: Path, *paths: Path, dialect: Dialect = "salacia"):
    return read_queries(paths or (tmp_path / "sql",), dialect, tmp_path)


def test_a_folder_holds_groups_and_schemas(tmp_path, write):
    write("sql/users.sql")
    write("sql/billing/invoices.sql")
    write("sql/readme.txt", "not sql")
    write("sql/.hidden.sql", "not sql")
    statements, problems = read(tmp_path)
    assert problems == []
    assert [(s.schema, s.group, s.header.file.path) for s in statements] == [
        ("billing", "invoices", "sql/billing/invoices.sql"),
        (None, "users", "sql/users.sql"),
    ]


def test_one_group_name_in_two_schemas_is_fine(tmp_path, write):
    write("sql/a/users.sql")
    write("sql/b/users.sql")
    statements, problems = read(tmp_path)
    assert ([s.schema for s in statements], problems) == (["a", "b"], [])


def test_files_can_be_named_one_by_one_and_are_read_once(tmp_path, write):
    first, second = write("q.sql"), write("sql/users.sql")
    statements, problems = read(tmp_path, first, second, tmp_path / "sql", first)
    assert ([s.group for s in statements], problems) == (["q", "users"], [])


def test_the_dialect_reaches_the_statements(tmp_path, write):
    write("sql/q.sql", "-- name: Get :one\nselect sqlc.arg(a);")
    (found,), problems = read(tmp_path, dialect="sqlc")
    assert (found.dialect, found.sql, problems) == ("sqlc", "select $1", [])


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf-- name: get :one\r\nselect '\xc3\xa9',\r\n  2;\r\n",
        "-- name: get :one\nselect 'é',\n  2;\n".encode(),
    ],
)
def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path, write, content):
    write("sql/q.sql", content)
    (found,), problems = read(tmp_path)
    assert (found.sql, problems) == ("select 'é',\n  2", [])


def test_a_file_outside_the_root_is_shown_as_it_was_given(tmp_path, write):
    path = write("q.sql")
    (found,), _ = read_queries([path], "salacia", tmp_path / "elsewhere")
    assert found.header.file.path == path.as_posix()


def problems_of(tmp_path, *paths):
    statements, problems = read(tmp_path, *paths)
    assert statements == []
    return [p.render() for p in problems]


def test_text_that_is_not_utf8_is_a_problem_at_its_place(tmp_path, write):
    write("sql/q.sql", b"-- name: get :one\nselect '\xe9';\n")
    assert problems_of(tmp_path) == [
        "sql/q.sql:2:9: error: the file isn't UTF-8\n"
        "    2 | select '\ufffd';\n"
        "      |         ^\n"
        "  hint: save it as UTF-8"
    ]


def test_a_missing_path_is_a_problem(tmp_path):
    assert problems_of(tmp_path, tmp_path / "nowhere") == [
        "error: nowhere doesn't exist\n  hint: name the folder or the files of your queries"
    ]


def test_a_folder_without_queries_is_a_problem(tmp_path, write):
    write("sql/readme.txt")
    assert problems_of(tmp_path) == [
        "error: no .sql files in sql\n  hint: name the folder or the files of your queries"
    ]


def test_a_name_that_can_be_no_group_is_a_problem(tmp_path, write):
    write("sql/2fa.sql")
    (found,) = problems_of(tmp_path)
    assert found.startswith("sql/2fa.sql:1:1: error: `2fa` can't be the name of a group\n")


def test_a_folder_that_can_be_no_schema_is_a_problem(tmp_path, write):
    write("sql/my-app/q.sql")
    (found,) = problems_of(tmp_path)
    assert found.startswith("error: `my-app` can't be the name of a schema's folder\n")


def test_two_files_of_one_group_are_a_problem_and_the_first_is_kept(tmp_path, write):
    write("sql/user-tokens.sql")
    write("sql/user_tokens.sql")
    statements, problems = read(tmp_path)
    assert [s.header.file.path for s in statements] == ["sql/user-tokens.sql"]
    assert [p.message for p in problems] == [
        "sql/user-tokens.sql and sql/user_tokens.sql are both the group `user_tokens`"
    ]


def test_folders_deeper_than_a_schema_are_a_problem(tmp_path, write):
    write("sql/q.sql")
    write("sql/a/b/q.sql")
    statements, problems = read(tmp_path)
    assert [s.group for s in statements] == ["q"]
    assert [p.message for p in problems] == ["sql/a/b lies too deep"]


def test_a_problem_in_one_file_keeps_no_other_back(tmp_path, write):
    write("sql/a.sql", "-- name: get :onne\nselect 1")
    write("sql/b.sql", b"\xff")
    write("sql/c.sql")
    statements, problems = read(tmp_path)
    assert [s.group for s in statements] == ["c"]
    assert [p.position() for p in problems] == [("sql/a.sql", 1, 14), ("sql/b.sql", 1, 1)]
