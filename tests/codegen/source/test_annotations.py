"""`-- name: x :kind` is read; what comes near is refused with the right form."""

import pytest
from parsing import parse, summary, text_at


@pytest.mark.parametrize("kind", ["one", "one!", "many", "exec", "bulk", "copy", "stream"])
def test_the_kinds(kind):
    (found,), problems = parse(f"-- name: get :{kind}\nselect 1")
    assert (found.name, found.kind, found.sql, problems) == ("get", kind, "select 1", [])


@pytest.mark.parametrize(
    "annotation",
    ["--name: get :one", "--  name:  get   :one  ", "   -- name: get :one", "-- name : get :one",
     "/* name: get :one */", "/*name: get :one*/"],
)  # fmt: skip
def test_space_and_the_form_of_the_comment_are_free(annotation):
    (found,), problems = parse(f"{annotation}\nselect 1")
    assert (found.name, found.kind, problems) == ("get", "one", [])
    assert text_at(found.header) == annotation.strip()


def test_pascal_case_becomes_snake_case():
    (found,), _ = parse("-- name: GetUser :one\nselect 1")
    assert found.name == "get_user"


@pytest.mark.parametrize(
    ("annotation", "place", "message", "hint"),
    [
        ("--name search :many", "1:1", "this looks like an annotation, but isn't",
         "write `-- name: search :many`"),
        ("-- name search :many", "1:1", "this looks like an annotation, but isn't",
         "write `-- name: search :many`"),
        ("-- nmae: x :one", "1:1", "this looks like an annotation, but isn't",
         "write `-- name: x :one`"),
        ("-- Name: x :one", "1:1", "this looks like an annotation, but isn't",
         "write `-- name: x :one`"),
        ("-- nmae: x :oen", "1:1", "this looks like an annotation, but isn't",
         "write `-- name: x :one`"),
        ("-- query: x :exec", "1:1", "this looks like an annotation, but isn't",
         "write `-- name: x :exec`"),
        ("-- name x: one", "1:1", "this looks like an annotation, but isn't",
         "write `-- name: x :one`"),
        ("-- x :one", "1:1", "this looks like an annotation, but isn't",
         "write `-- name: x :one`"),
        ("-- name: x: one", "1:1", "this annotation can't be read", "write `-- name: x :one`"),
        ("-- name: x one", "1:1", "this annotation can't be read", "write `-- name: x :one`"),
        ("-- name: x : one", "1:1", "this annotation can't be read", "write `-- name: x :one`"),
        ("-- name:", "1:1", "an annotation without a name", "write `-- name: search :many`"),
        ("-- name: x", "1:1", "the annotation of `x` has no kind",
         "write `-- name: x :many`; the kinds are :one, :one!, :many, :exec, :bulk, :copy, "
         ":stream, :page"),
        ("-- name: x :one of them", "1:1", "more than a name and a kind in an annotation",
         "write `-- name: x :one` and put the rest on lines of its own under it"),
        ("-- name: x :mnay", "1:12", "there is no kind :mnay", "did you mean `:many`?"),
        ("-- name: x :zzz", "1:12", "there is no kind :zzz",
         "use one of :one, :one!, :many, :exec, :bulk, :copy, :stream, :page"),
        ("-- name: x :execrows", "1:12", ":execrows belongs to the dialect sqlc",
         "here it is :exec"),
        ("-- name: get-it :one", "1:10", "`get-it` can't be the name of a function",
         "begin with a letter and go on with letters, digits and underscores"),
        ("-- name: _get :one", "1:10", "`_get` can't be the name of a function",
         "begin with a letter and go on with letters, digits and underscores"),
        ("-- name: 2nd :one", "1:10", "`2nd` can't be the name of a function",
         "begin with a letter and go on with letters, digits and underscores"),
        ("# name: x :one", "1:1", "`#` begins no comment in PostgreSQL",
         "write `-- name: x :many`"),
    ],
)  # fmt: skip
def test_a_near_miss_is_refused_with_the_form_to_write(annotation, place, message, hint):
    statements, problems = parse(f"{annotation}\nselect 1;\n")
    assert statements == []
    assert [summary(p) for p in problems] == [(place, message, hint)]


def test_a_kind_of_the_other_dialect_that_has_no_counterpart_names_the_dialect():
    _, (found,) = parse("-- name: x :stream\nselect 1", "sqlc")
    assert summary(found) == (
        "1:12",
        ":stream belongs to the dialect salacia",
        'set dialect = "salacia" for it',
    )


@pytest.mark.parametrize(
    "comment",
    [
        "-- name of the user",
        "-- the name: as they gave it",
        "-- names: first, last",
        "-- game: chess",
        "-- note: x :y",
        "-- ratio 1:2",
        "/* name: old :one\nselect 1 */",
        "select 2 -- name: x :one",
    ],
)
def test_what_is_no_annotation_stays_a_comment(comment):
    statements, problems = parse(f"-- name: get :one\nselect 1 +\n{comment}\n, 3")
    assert problems == []
    assert [s.name for s in statements] == ["get"]
    assert comment in statements[0].sql


@pytest.mark.parametrize("quoted", ["'\n{}\n'", "$$\n{}\n$$", "/*\n{}\n*/", '"\n{}\n"'])
def test_inside_a_token_nothing_is_an_annotation(quoted):
    text = quoted.format("-- name: x :one")
    (found,), problems = parse(f"-- name: get :one\nselect 1, {text}, 2")
    assert (found.sql, problems) == (f"select 1, {text}, 2", [])


def test_an_annotation_ends_the_statement_before_it():
    statements, problems = parse("-- name: a :one\nselect 1\n\n-- name: b :one\nselect 2")
    assert problems == []
    assert [(s.name, s.sql) for s in statements] == [("a", "select 1"), ("b", "select 2")]


@pytest.mark.parametrize(
    ("opened", "message"),
    [
        ("'", "a string that never closes"),
        ("e'", "a string that never closes"),
        ('"', "a quoted identifier that never closes"),
        ('U&"', "a quoted identifier that never closes"),
        ("$x$", "a dollar-quoted string that never closes"),
        ("/*", "a comment that never closes"),
    ],
)
def test_what_never_closes_is_a_problem_where_it_opens_and_spares_the_rest(opened, message):
    statements, problems = parse(
        f"-- name: a :one\nselect 'x';\n"
        f"-- name: b :one\nselect {opened}oops;\n"
        f"-- name: c :one\nselect 'y', \"z\", $y$w$y$ /* v */;\n"
        f"-- name: d :one\nselect 'y';\n"
    )
    assert [s.name for s in statements] == ["a", "c", "d"]
    (found,) = problems
    assert summary(found)[:2] == ("4:8", message)


def test_a_comment_that_never_closes_right_at_an_annotation():
    statements, problems = parse("-- name: a :one\nselect 1;\n/* name: b :one\nselect 2")
    assert statements == []
    assert [summary(p) for p in problems] == [
        ("3:1", "a comment that never closes", "close it with */")
    ]
