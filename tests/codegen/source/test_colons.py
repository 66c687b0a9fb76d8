"""`:name`, `:name?` and `$1` are found where they are parameters, and only there."""

import pytest
from parsing import problem, statement, summary, text_at


def sql(text: str) -> str:
    return statement(text).sql


def names(text: str) -> list[str | None]:
    return [parameter.name for parameter in statement(text).parameters]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("select :a, :b, :a", "select $1, $2, $1"),
        ("select :a::int", "select $1::int"),
        ("select :a ::int", "select $1 ::int"),
        ("select f(x=>:a, y:=:b)", "select f(x=>$1, y:=$2)"),
        ("select f(x := :a)", "select f(x := $1)"),
        ("select 'x' ':a'", "select 'x' ':a'"),
        ("select ':a', \":b\", $$:c$$, $t$:d$t$, e'\\':e' -- :f", "select ':a', \":b\", $$:c$$, "
         "$t$:d$t$, e'\\':e'"),
        ("select /* :a */ 1 -- :b\n, :c", "select /* :a */ 1 -- :b\n, $1"),
        ("select x::text, y:::z", "select x::text, y::$1"),
        ("select 1 where a=:a", "select 1 where a=$1"),
        ("select -:a", "select -$1"),
        ("select :from, :class", "select $1, $2"),
        ("select $1, $2, $1", "select $1, $2, $1"),
    ],
)  # fmt: skip
def test_parameters_are_written_as_numbers(written, sent):
    assert sql(written) == sent


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("select :a?", "select $1"),
        ("select :a?::int", "select $1::int"),
        ("select f(:a?,2)", "select f($1,2)"),
        ("select x=:a?/* c */", "select x=$1"),
        ("select :a? ? 'k'", "select $1 ? 'k'"),
        ("select :a?-1", "select $1-1"),
    ],
)
def test_a_question_mark_right_after_the_name_takes_none(written, sent):
    found = statement(written)
    assert found.sql == sent
    assert [p.nullable for p in found.parameters] == [True]


@pytest.mark.parametrize(
    "written",
    ["select :a ?| :b", "select :a?|:b", "select :a?& :b", "select :a ?& :b", "select :a ? :b"],
)
def test_the_question_mark_operators_of_jsonb_stay(written):
    found = statement(written)
    assert found.sql == written.replace(":a", "$1").replace(":b", "$2")
    assert [p.nullable for p in found.parameters] == [None, None]


def test_one_nullable_use_makes_the_parameter_nullable():
    (parameter,) = statement("select :a, :a?").parameters
    assert parameter.nullable is True
    assert [text_at(m.source) for m in parameter.markers] == [":a", ":a?"]


def test_names_are_snake_case_and_keep_their_order():
    assert names("select :userId, :b, :userId") == ["user_id", "b"]


def test_numbers_have_no_names():
    assert names("select $2, $1") == [None, None]
    assert [p.number for p in statement("select $2, $1").parameters] == [1, 2]


def test_markers_tell_where_each_use_stands():
    found = statement("select :alpha, :b, :alpha")
    alpha = found.parameters[0]
    assert [found.sql[m.start : m.end] for m in alpha.markers] == ["$1", "$1"]
    assert [m.start for m in alpha.markers] == [7, 15]
    assert [text_at(m.source) for m in alpha.markers] == [":alpha", ":alpha"]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("select 1 limit:n", "select 1 limit $1"),
        ("select :a?5", "select $1 5"),
        ("select 1:a", "select 1 $1"),
        ("select é:a", "select é $1"),
    ],
)
def test_a_number_never_grows_into_its_neighbour(written, sent):
    assert sql(written) == sent


@pytest.mark.parametrize(
    "written",
    [
        "select array[:a, :b]",
        "select ARRAY [:a]",
        "select array[[:a], [:b, :c]]",
        "select x[(:a)]",
        "select x[f(:a)]",
        "select x[1::int]",
        "select x[1 : n]",
        "select json_object('k': (:a))",
        "select json_object('k' : :a, :b : :c)",
        "select json_object('k': 1 + :a)",
        "select json_object('k' value :a)",
        "select json_object(:a value 1)",
        "select json_object(:a, :b)",
        "select json_object(value : :a)",
        "select json_object('k' : x[1], 'l' : :a)",
        "select json_build_object('k', :a)",
        "select json_object('a' : 1) = :a",
    ],
)
def test_a_colon_that_can_only_be_one_thing_is_read(written):
    expected = written
    for number, name in enumerate(n for n in "abc" if f":{n}" in written):
        expected = expected.replace(f":{name}", f"${number + 1}")
    assert sql(expected and written) == expected


@pytest.mark.parametrize(
    ("written", "place", "what"),
    [
        ("select x[1:n]", ":n", "the slice of an array"),
        ("select x[:n]", ":n", "the slice of an array"),
        ("select f(x)[:n]", ":n", "the slice of an array"),
        ("select array[x[:n]]", ":n", "the slice of an array"),
        ("select (array[1,2])[:n]", ":n", "the slice of an array"),
        ("select x[y || :n]", ":n", "the slice of an array"),
        ("select json_object('k':n)", ":n", "the `key : value` of a JSON object"),
        ("select JSON_OBJECT ('k':n)", ":n", "the `key : value` of a JSON object"),
        ("select json_objectagg(k:n)", ":n", "the `key : value` of a JSON object"),
        ("select json_object(:k:n)", ":n", "the `key : value` of a JSON object"),
        ("select json_object('j': 1, 'k':n)", ":n", "the `key : value` of a JSON object"),
    ],
)
def test_a_colon_that_could_be_two_things_is_refused(written, place, what):
    found = problem(written)
    assert text_at(found.at) == place
    assert found.message == f"`:n` could be a parameter or {what}"
    assert found.hint == "write `(:n)` for the parameter, or `: n` for the other"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "select :a, $1",
            ("2:12", "`$1` and `:a` in one statement: parameters have one style",
             "give every parameter a name"),
        ),
        (
            "select $1, :a",
            ("2:12", "`:a` and `$1` in one statement: parameters have one style",
             "give every parameter a name"),
        ),
        (
            "select $4, $1",
            ("2:8", "$4 is used, but not $2, $3", "number the parameters without gaps"),
        ),
        (
            "select $9",
            ("2:8", "$9 is used, but not $1, $2, $3, …", "number the parameters without gaps"),
        ),
        ("select $0", ("2:8", "there is no parameter $0", "parameters are counted from $1")),
        ("select $65536", ("2:8", "a statement has at most 65535 parameters", None)),
        ("select $" + "9" * 5000, ("2:8", "a statement has at most 65535 parameters", None)),
        (
            "select :userId, :user_id",
            ("2:17", "`userId` and `user_id` are both `user_id` in Python",
             "write one parameter in one way, and give two of them different names"),
        ),
        (
            "select :from, :from_",
            ("2:15", "`from` and `from_` are both `from` in Python",
             "write one parameter in one way, and give two of them different names"),
        ),
        (
            "select :a$b",
            ("2:8", "`a$b` can't be the name of a parameter",
             "begin with a letter and go on with letters, digits and underscores"),
        ),
        (
            "select :_a",
            ("2:8", "`_a` can't be the name of a parameter",
             "begin with a letter and go on with letters, digits and underscores"),
        ),
        (
            "select sqlc.arg(a)",
            ("2:8", "`sqlc.arg` is understood in sqlc's dialect only",
             'write `:name`, or set dialect = "sqlc"'),
        ),
        (
            "select sqlc.narg(a)",
            ("2:8", "`sqlc.narg` is understood in sqlc's dialect only",
             'write `:name?`, or set dialect = "sqlc"'),
        ),
        (
            "select 1 in (SQLC.SLICE(a))",
            ("2:14", "`sqlc.SLICE` is understood in sqlc's dialect only",
             'write `= any(:name)`, or set dialect = "sqlc"'),
        ),
        (
            "select sqlc.embed(a)",
            ("2:8", "`sqlc.embed` is understood in sqlc's dialect only",
             'write the table\'s alias alone, for its whole row, or set dialect = "sqlc"'),
        ),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_a_problem(written, expected):
    assert summary(problem(written)) == expected


def test_leading_zeros_are_postgresqls_own_business():
    assert sql("select $01") == "select $1"


def test_an_at_sign_is_an_operator():
    assert sql("select @x, @ -5, a @> b") == "select @x, @ -5, a @> b"
