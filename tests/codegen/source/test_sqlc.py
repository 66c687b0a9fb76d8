"""Files written for sqlc work as they are."""

import pytest
from parsing import parse, problem, statement, summary, text_at


def sql(text: str) -> str:
    return statement(text, "sqlc").sql


@pytest.mark.parametrize(
    ("written", "sent", "names"),
    [
        ("select $1, $2", "select $1, $2", [None, None]),
        ("select @a, @b::int, @a", "select $1, $2::int, $1", ["a", "b"]),
        ("select sqlc.arg(a)::text", "select $1::text", ["a"]),
        ("select sqlc.arg('a'), sqlc . arg ( a )", "select $1, $1", ["a"]),
        ('select sqlc.arg("a"), @a, SQLC.ARG(A)', "select $1, $1, $1", ["a"]),
        ("select sqlc.narg(a), sqlc.narg('b')", "select $1, $2", ["a", "b"]),
        ("select sqlc.arg(userName)", "select $1", ["user_name"]),
        ("select a @> @b, c <@ d", "select a @> $1, c <@ d", ["b"]),
        ("select @ -5, abs(@b)", "select @ -5, abs($1)", ["b"]),
        ("select '@a', $$@a$$ -- @a\n, /* sqlc.arg(a) */ @b", "select '@a', $$@a$$ -- @a\n, "
         "/* sqlc.arg(a) */ $1", ["b"]),
        ("select 1 where a in (sqlc.slice(ids))", "select 1 where a = any ($1)", ["ids"]),
        ("select 1 where a in(sqlc.slice('ids'))", "select 1 where a = any($1)", ["ids"]),
        ("select 1 where a IN ( sqlc.slice(ids) )", "select 1 where a = any ( $1 )", ["ids"]),
        ("select 1 where a not in (sqlc.slice(ids))", "select 1 where a <> all ($1)", ["ids"]),
        ("select sqlc.embed(t), sqlc.embed(u) from t join u using (id)",
         "select t, u from t join u using (id)", []),
        ("select sqlc.arg(a)5", "select $1 5", ["a"]),
        ("select x.sqlc.arg(a)", "select x.sqlc.arg(a)", []),
        ("select arg(a), sqlc.x", "select arg(a), sqlc.x", []),
    ],
)  # fmt: skip
def test_parameters(written, sent, names):
    found = statement(written, "sqlc")
    assert found.sql == sent
    assert [parameter.name for parameter in found.parameters] == names


def test_narg_takes_none_and_arg_leaves_it_open():
    found = statement("select sqlc.narg(a), sqlc.arg(b)", "sqlc")
    assert [parameter.nullable for parameter in found.parameters] == [True, None]


def test_the_place_of_a_parameter_is_the_whole_call():
    found = statement("select 1 where a in (sqlc.slice( ids ))", "sqlc")
    (marker,) = found.parameters[0].markers
    assert text_at(marker.source) == "sqlc.slice( ids )"
    assert found.sql[marker.start : marker.end] == "$1"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "select @a, $1",
            ("2:12", "`$1` and `@a` in one statement: parameters have one style",
             "give every parameter a name"),
        ),
        (
            "select 1 where a=@a",
            ("2:17", "PostgreSQL reads `=@` as one operator", "write `= @a`"),
        ),
        (
            "select :a",
            ("2:8", "`:a` is no parameter in sqlc's dialect", "write `@a`, or sqlc.arg(a)"),
        ),
        (
            "select sqlc.args(a)",
            ("2:13", "there is no function sqlc.args", "did you mean `sqlc.arg`?"),
        ),
        (
            "select sqlc.zzz(a)",
            ("2:13", "there is no function sqlc.zzz",
             "there are sqlc.arg, sqlc.narg, sqlc.slice, sqlc.embed"),
        ),
        (
            "select sqlc.arg(a, b)",
            ("2:8", "sqlc.arg takes one argument, the name of a parameter",
             "write sqlc.arg(name)"),
        ),
        (
            "select sqlc.embed(public.t)",
            ("2:8", "sqlc.embed takes one argument, a table or its alias",
             "write sqlc.embed(name)"),
        ),
        (
            "select sqlc.embed('t')",
            ("2:8", "sqlc.embed takes a table or its alias, not a string", "write sqlc.embed(t)"),
        ),
        (
            "select any(sqlc.slice(a))",
            ("2:12", "sqlc.slice stands alone in the brackets of IN",
             "write `in (sqlc.slice(a))`"),
        ),
        (
            "select 1 where b in (1, sqlc.slice(a))",
            ("2:25", "sqlc.slice stands alone in the brackets of IN",
             "write `in (sqlc.slice(a))`"),
        ),
        (
            "select 1 where b in (sqlc.slice(a), 2)",
            ("2:22", "sqlc.slice stands alone in the brackets of IN",
             "write `in (sqlc.slice(a))`"),
        ),
        (
            "select sqlc.arg('a b')",
            ("2:8", "`a b` can't be the name of a parameter",
             "begin with a letter and go on with letters, digits and underscores"),
        ),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_a_problem(written, expected):
    assert summary(problem(written, "sqlc")) == expected


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("one", "one"),
        ("many", "many"),
        ("exec", "exec"),
        ("execrows", "exec"),
        ("execresult", "exec"),
        ("copyfrom", "copy"),
        ("batchexec", "bulk"),
        ("batchone", "batchone"),
        ("batchmany", "batchmany"),
    ],
)
def test_its_kinds_are_mapped_to_ours(written, kind):
    assert statement("select 1", "sqlc", written).kind == kind


@pytest.mark.parametrize("kind", ["execlastid"])
def test_a_kind_that_has_no_counterpart_is_refused_with_a_reason(kind):
    found = problem("select 1", "sqlc", kind)
    assert text_at(found.at) == f":{kind}"
    assert found.hint is not None


@pytest.mark.parametrize("annotation", ["-- name: GetIt :one", "/* name: GetIt :one */",
                                        "# name: GetIt :one", "--name: GetIt :one"])  # fmt: skip
def test_its_forms_of_the_annotation(annotation):
    other = annotation.replace("GetIt", "GetOther")
    statements, problems = parse(f"{annotation}\nselect 1 # 2;\n\n{other}\nselect 2", "sqlc")
    assert problems == []
    assert [(s.name, s.kind, s.sql) for s in statements] == [
        ("get_it", "one", "select 1 # 2"),
        ("get_other", "one", "select 2"),
    ]
    assert text_at(statements[0].header) == annotation


def test_a_file_as_sqlcs_tutorial_has_it():
    statements, problems = parse(
        """-- name: GetAuthor :one
SELECT * FROM authors
WHERE id = $1 LIMIT 1;

-- name: ListAuthors :many
-- All of them.
-- returns: what you see
SELECT * FROM authors
ORDER BY name;

-- name: UpdateAuthor :exec
UPDATE authors
  set name = $2,
  bio = sqlc.narg('bio')
WHERE id = $1;
""",
        "sqlc",
    )
    assert [(s.name, s.kind, s.doc, len(s.parameters)) for s in statements] == [
        ("get_author", "one", "", 1),
        ("list_authors", "many", "All of them.\nreturns: what you see", 0),
    ]
    assert [p.message for p in problems] == [
        "`sqlc.narg('bio')` and `$2` in one statement: parameters have one style"
    ]
