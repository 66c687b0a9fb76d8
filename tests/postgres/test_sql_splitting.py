"""Statements are told apart by PostgreSQL's lexical rules."""

import pytest

from salacia_db.postgres.migrations.statements import split


@pytest.mark.parametrize(
    "text",
    [
        "select 'a;b', 'it''s;'",
        "select e'a\\';b'",
        'select 1 as "a;""b"',
        "do $$ begin perform 1; perform 2; end $$",
        "do $x$ select '$$;'; $x$",
        "select 1 /* a; /* nested; */ b; */ + 2",
        "select 1 -- a; b\n + 2",
        "create rule r as on insert to t do also (select 1; select 2)",
        "create function f() returns int begin atomic select 1; select case when true then 2 end; "
        "end",
        "create or replace procedure p() begin atomic insert into t values (1); end",
        "create function f(a int default 1) returns int return (a)",
        "select $1, a$b$c, 1.5",
    ],
)
def test_a_semicolon_within_a_statement_does_not_end_it(text):
    assert [s.sql for s in split(f"{text};\nselect 0")] == [text, "select 0"]


def test_a_statement_knows_its_line_without_the_comments_before_it():
    found = split("-- one\n\n/* two */ select 1;;\n-- three\n\nselect\n2;\n-- end\n")
    assert [(s.sql, s.line) for s in found] == [("select 1", 3), ("select\n2", 6)]


@pytest.mark.parametrize("text", ["select 'a;", "select /* ;", "do $$ ;", "select (1;"])
def test_what_is_not_closed_reaches_to_the_end(text):
    assert [s.sql for s in split(text)] == [text]


@pytest.mark.parametrize(
    ("text", "controls"),
    [
        ("begin", True),
        ("START TRANSACTION read only", True),
        ("Commit", True),
        ("rollback", True),
        ("end", True),
        ("prepare transaction 'x'", True),
        ("prepare p as select 1", False),
        ("rollback to savepoint s", False),
        ("savepoint s", False),
        ("(select 1)", False),
    ],
)
def test_what_begins_or_ends_a_transaction_is_known(text, controls):
    assert split(text)[0].controls_transaction() is controls
