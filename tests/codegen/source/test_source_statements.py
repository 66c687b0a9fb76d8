"""Files become statements; a problem in one keeps no other back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parsing import parse, statement, summary, text_at

from salacia_db.codegen.source.rewriting import file_offset, text_offset


@pytest.mark.parametrize(
    ("written", "sql"),
    [
        ("select 1;", "select 1"),
        ("\n\n  select 1 ;;  -- the end\n/* really */\n", "select 1"),
        ("select 1 -- a\n, /* b */ 2 /* c */\n-- d\n;", "select 1 -- a\n, /* b */ 2"),
        ("-- doc\nselect\n  1", "select\n  1"),
        ("select ';', $$;$$ -- ;\n;", "select ';', $$;$$"),
        ("select f(';', a[1]) /* ; */;", "select f(';', a[1])"),
        ("create rule r as on insert to t do (select 1; select 2);",
         "create rule r as on insert to t do (select 1; select 2)"),
        ("select 1 as \"a;b\"", 'select 1 as "a;b"'),
    ],
)  # fmt: skip
def test_the_text_of_a_statement_is_its_own_and_nothing_else(written, sql):
    found = statement(written)
    assert found.sql == sql
    assert text_at(found.body) == sql


def test_where_things_stand():
    found = statement("-- doc\nselect :a;")
    assert (found.group, found.schema, found.dialect) == ("q", None, "salacia")
    assert text_at(found.header) == "-- name: it :many"
    assert text_at(found.body) == "select :a"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "select 1;\n-- name: a :one\nselect 2",
            ("1:1", "SQL before the first annotation",
             "write `-- name: search :many` on a line above it, with a name and a kind of its own"),
        ),
        (
            "-- a file\n\nselect 1",
            ("3:1", "SQL before the first annotation",
             "write `-- name: search :many` on a line above it, with a name and a kind of its own"),
        ),
        (
            "-- name: a :one\n-- doc\n;\n",
            ("1:1", "no statement under the annotation of `a`",
             "write its SQL on the lines under it"),
        ),
        (
            "-- name: a :one\n-- name: b :one\nselect 1",
            ("1:1", "no statement under the annotation of `a`",
             "write its SQL on the lines under it"),
        ),
        (
            "-- name: a :one\nselect 1;\n\nselect 2;\n-- name: b :one\nselect 3",
            ("4:1", "a second statement under the annotation of `a`",
             "give each statement an annotation of its own"),
        ),
        (
            "-- name: get :one\nselect 1;\n-- name: get :one\nselect 2",
            ("3:10", "`get` is the name of another statement, at sql/q.sql:1",
             "give one of them another name"),
        ),
        (
            "-- name: getUser :one\nselect 1;\n-- name: get_user :one\nselect 2",
            ("3:10", "`get_user` and `getUser` (at sql/q.sql:1) get the same name in Python",
             "give one of them another name"),
        ),
        (
            "-- name: import :one\nselect 1;\n-- name: import_ :one\nselect 2",
            ("3:10", "`import_` and `import` (at sql/q.sql:1) get the same name in Python",
             "give one of them another name"),
        ),
        (
            "-- name: a :one\nselect 'x\0y'",
            ("2:10", "a NUL character, which PostgreSQL can't read", "remove it"),
        ),
    ],
)  # fmt: skip
def test_a_wrong_file_is_a_problem(text, expected):
    _, problems = parse(text)
    assert [summary(p) for p in problems] == [expected]


def test_all_problems_are_found_and_the_sound_statements_come_through():
    statements, problems = parse(
        "-- name: a :one\nselect x[:n];\n"
        "-- name: b :one\nselect 1;\n"
        "-- name: c :ome\nselect :a, $1;\n"  # nothing more is said of a wrong annotation
        "-- name: b :one\nselect :a, $1;\n"
        "-- name: d :one\n-- timout: 2s\nselect 1; select 2;\n"
    )
    assert [(s.name, s.sql) for s in statements] == [("b", "select 1")]
    assert [summary(p)[:2] for p in problems] == [
        ("2:10", "`:n` could be a parameter or the slice of an array"),
        ("5:12", "there is no kind :ome"),
        ("7:10", "`b` is the name of another statement, at sql/q.sql:3"),
        ("8:12", "`$1` and `:a` in one statement: parameters have one style"),
        ("10:1", "there is no directive `timout:`"),
        ("11:11", "a second statement under the annotation of `d`"),
    ]


@pytest.mark.parametrize("text", ["", "\n", "-- only\n/* comments */\n"])
def test_a_file_without_sql_has_no_statements_and_no_problems(text):
    assert parse(text) == ([], [])


_PARTS = st.sampled_from(
    ["select", " ", "\n", ":a", ":long_name", ":b?", ", ", "1", "'x:y'", "é", "日本", "-- c\n",
     "/* :n */", "::int", "(", ")", "$$:d$$", "x", "a?|b", "\U0001f600", "|| "]
)  # fmt: skip
_SQLC_PARTS = st.sampled_from(
    ["select ", " ", "\n", "@a", "@long_name ", "sqlc.arg(a)", "sqlc.narg('b')", ", ", "1", "'@x'",
     "é", "x in (sqlc.slice(ids))", "x not in (sqlc.slice(ids))", "sqlc.embed(t)", "-- c\n"]
)  # fmt: skip


def check_pieces(found):
    text = found.body.file.text
    inside = {i for p in found.parameters for m in p.markers for i in range(m.start, m.end)}
    for parameter in found.parameters:
        for marker in parameter.markers:
            assert found.sql[marker.start : marker.end] == f"${parameter.number}"
            for offset in range(marker.start, marker.end):
                assert file_offset(found.pieces, offset) == marker.source.start
    offsets = [file_offset(found.pieces, offset) for offset in range(len(found.sql) + 1)]
    assert offsets == sorted(offsets)
    assert offsets[0] == found.body.start
    assert offsets[-1] == found.body.end
    starts = [start for start, _ in found.pieces]
    assert starts == sorted(set(starts))
    return [(found.sql[i], text[at]) for i, at in enumerate(offsets[:-1]) if i not in inside]


@given(st.lists(_PARTS).map("".join))
def test_every_offset_maps_to_its_character_in_the_file(sql):
    statements, _ = parse(f"-- name: it :many\nselect {sql}")
    for found in statements:
        for here, there in check_pieces(found):
            # A space may stand between a number and its neighbour.
            assert here == there or here == " "
        for offset in range(len(found.sql)):
            at = file_offset(found.pieces, offset)
            assert file_offset(found.pieces, text_offset(found.pieces, at)) == at


@given(st.lists(_SQLC_PARTS).map("".join))
def test_every_offset_maps_into_the_file_in_sqlcs_dialect_too(sql):
    statements, _ = parse(f"-- name: it :many\nselect {sql}", "sqlc")
    for found in statements:
        differing = [here for here, there in check_pieces(found) if here != there]
        assert set(differing) <= set("= any<> all ")


_BROKEN = st.sampled_from(
    ["'", '"', "/*", ";", "\n-- name: x :one\n", "\n-- timout: 2s\n", "[", "]", "$1", "@"]
)


@given(st.lists(st.one_of(_PARTS, _BROKEN)))
def test_any_text_parses_without_raising(parts):
    for dialect in ("salacia", "sqlc"):
        statements, problems = parse("".join(parts), dialect)
        for found in statements:
            assert found.sql.strip() == found.sql != ""
        for problem in problems:
            assert problem.render()


@pytest.mark.parametrize(
    ("sql", "name", "place"),
    [
        ("select id from t\nwhere id > :after order by id", "after", "3:12"),
        ("select id from t where a = :limit order by id", "limit", "2:28"),
        ("select id from t where true\n  and a -- if :total = true\norder by id", "total", "1:1"),
    ],
)
def test_a_page_has_arguments_of_its_own(sql: str, name: str, place: str) -> None:
    _, (found,) = parse(f"-- name: it :page\n{sql}")
    assert summary(found) == (
        place,
        f":page has an argument `{name}` of its own",
        "give it another name",
    )
