"""What stands between the annotation and the statement: directives and doc."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parsing import parse, summary

from salacia_db.codegen.source.directives import python_literal


def read(header: str, sql: str = "select :a, :b", kind: str = "many"):
    return parse(f"-- name: it :{kind}\n{header}\n{sql}")


def test_prose_becomes_the_doc_and_directives_do_not():
    (found,), problems = read(
        "-- All of them,\n--   indented.\n--\n-- timeout: 2s\n-- Second paragraph: here.\n\n\n"
        "-- Third.\n-- returns: Thing"
    )
    assert problems == []
    assert found.doc == "All of them,\n  indented.\n\nSecond paragraph: here.\n\nThird."
    assert (found.timeout, found.returns) == (2.0, "Thing")


def test_block_comments_are_doc_too():
    (found,), problems = read("/* One.\n * Two.\n *\n * Three. */")
    assert (found.doc, problems) == ("One.\nTwo.\n\nThree.", [])


def test_comments_above_the_annotation_and_behind_the_statement_are_not_doc():
    (first, second), problems = parse(
        "-- The file.\n-- name: a :one\n-- Doc.\nselect 1; -- behind\n-- far behind\n"
        "-- name: b :one\nselect 2"
    )
    assert (first.doc, second.doc, problems) == ("Doc.", "", [])


def test_none_names_an_error():
    (found,), problems = read("-- none: StaleInvoice", kind="one!")
    assert (found.none, problems) == ("StaleInvoice", [])


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("2s", 2.0), ("500ms", 0.5), ("1min", 60.0), ("1.5s", 1.5), ("2 s", 2.0)],
)
def test_timeouts(written, seconds):
    (found,), problems = read(f"-- timeout: {written}")
    assert (found.timeout, problems) == (seconds, [])


def test_nullable_and_default_go_to_the_parameters():
    (found,), problems = read("-- nullable: a\n-- default: b 20")
    assert problems == []
    assert [(p.name, p.nullable, p.default) for p in found.parameters] == [
        ("a", True, None),
        ("b", None, "20"),
    ]


def test_a_default_of_none_takes_none():
    (found,), _ = read("-- default: a None")
    assert (found.parameters[0].nullable, found.parameters[0].default) == (True, "None")


def test_outputs_are_given_types():
    (found,), problems = read("-- as lines: list[acme.Line | None]\n-- as usual, this is prose")
    assert problems == []
    assert [(o.name, o.type) for o in found.output_types] == [("lines", "list[acme.Line | None]")]
    assert found.doc == "as usual, this is prose"


def test_directives_name_parameters_as_the_statement_does():
    (found,), problems = read("-- nullable: userId", "select :userId")
    assert ([p.nullable for p in found.parameters], problems) == ([True], [])


@pytest.mark.parametrize(
    ("directive", "message", "hint"),
    [
        ("returns: thing", "`thing` can't be the name of a struct", "write it like AiInteraction"),
        ("returns: None", "`None` can't be the name of a struct", "write it like AiInteraction"),
        ("returns: A B", "`A B` can't be the name of a struct", "write it like AiInteraction"),
        ("timeout: 2", "`2` is no time to wait", "write it like 500ms, 2s or 1min"),
        ("timeout: 0s", "`0s` is no time to wait", "write it like 500ms, 2s or 1min"),
        ("timeout: -1s", "`-1s` is no time to wait", "write it like 500ms, 2s or 1min"),
        ("timeout: soon", "`soon` is no time to wait", "write it like 500ms, 2s or 1min"),
        ("nullable:", "`nullable:` takes names of parameters",
         "write `-- nullable: a, b` with names of parameters"),
        ("nullable: a b", "`nullable:` takes names of parameters",
         "write `-- nullable: a, b` with names of parameters"),
        ("nullable: aa", "the statement has no parameter `aa`", "did you mean `a`?"),
        ("nullable: zzz", "the statement has no parameter `zzz`", "it has `a`, `b`"),
        ("default: a", "`default:` takes a parameter and a value",
         "write it like `-- default: limit 20`"),
        ("default: zzz 1", "the statement has no parameter `zzz`", "it has `a`, `b`"),
        ("default: a active", "`active` can't be a default",
         "a default is a number, a quoted string, True, False, None or uuid7()"),
        ("default: a = 1", "`= 1` can't be a default",
         "a default is a number, a quoted string, True, False, None or uuid7()"),
        ("retruns: Thing", "there is no directive `retruns:`", "did you mean `-- returns: Thing`?"),
        ("return: Thing", "there is no directive `return:`", "did you mean `-- returns: Thing`?"),
        ("Returns: Thing", "there is no directive `Returns:`", "did you mean `-- returns: Thing`?"),
        ("timout: 2s", "there is no directive `timout:`", "did you mean `-- timeout: 2s`?"),
        ("nulable: a", "there is no directive `nulable:`", "did you mean `-- nullable: a`?"),
        ("defualt: a 1", "there is no directive `defualt:`", "did you mean `-- default: a 1`?"),
        ("nnoe: Stale", "there is no directive `nnoe:`", "did you mean `-- none: Stale`?"),
        ("timeout 2s", "`timeout` looks like a directive, but isn't", "write `-- timeout: 2s`"),
        ("returns Thing", "`returns` looks like a directive, but isn't",
         "write `-- returns: Thing`"),
        ("none: Stale", "`none:` names the error of :one!, and this is :many",
         "make it :one!, or remove the directive"),
        ("if :a", "`-- if` has no effect on a line of its own",
         "put it at the end of the line that it makes optional"),
        ("sort: newest / oldest", "`-- sort:` has no effect on a line of its own",
         "put it at the end of a line of ORDER BY"),
        ("where: search", "`-- where:` has no effect on a line of its own",
         "put it at the end of the line of WHERE under which the others go"),
        ("empty: 1get", "`empty:` takes the name of a statement", "write it like `-- empty: get`"),
        ("batch", "`batch` is for calls that want one row, and this is :many",
         "make it :one, or remove it"),
        ("bach", "there is no directive `bach`", "did you mean `-- batch`?"),
        ("Batch", "there is no directive `Batch`", "did you mean `-- batch`?"),
        ("batches: 20", "there is no directive `batches: 20`", "did you mean `-- batch: 20`?"),
        ("batch 20", "there is no directive `batch 20`", "did you mean `-- batch: 20`?"),
        ("batch: 1", "`1` is no number of calls from 2 to 10000",
         "write `-- batch`, or `-- batch: 256` for the most calls in one"),
        ("batch: 10001", "`10001` is no number of calls from 2 to 10000",
         "write `-- batch`, or `-- batch: 256` for the most calls in one"),
        ("batch: many", "`many` is no number of calls from 2 to 10000",
         "write `-- batch`, or `-- batch: 256` for the most calls in one"),
    ],
)  # fmt: skip
def test_a_wrong_directive_is_a_problem(directive, message, hint):
    statements, problems = read(f"-- {directive}")
    assert statements == []
    assert [summary(p) for p in problems] == [("2:1", message, hint)]


def test_returns_needs_rows():
    _, (found,) = read("-- returns: Thing", kind="exec")
    assert found.message == "`returns:` names a row, and :exec returns none"


@pytest.mark.parametrize("directive", ["returns: A", "none: A", "timeout: 1s"])
def test_a_directive_given_twice_is_a_problem(directive):
    _, problems = read(f"-- {directive}\n-- {directive}", kind="one!")
    label = directive.partition(":")[0]
    assert [summary(p)[:2] for p in problems] == [("3:1", f"`{label}:` is given twice")]


def test_two_defaults_for_one_parameter_are_a_problem():
    _, problems = read("-- default: a 1\n-- default: a 2")
    assert [summary(p)[:2] for p in problems] == [("3:1", "`a` has two defaults")]


@pytest.mark.parametrize(
    "prose",
    [
        "note: this is slow",
        "Note: Slow",
        "TODO: faster",
        "returns nothing much",
        "default order: newest first",
        "if the user exists",
        "where it all begins",
        "sorted by name",
        "example: a, b",
        "nonsense: x",
        "see: Thing",
        "match",
        "Patch",
        "batch by batch",
        "https://example.org/x",
    ],
)
def test_prose_is_prose(prose):
    (found,), problems = read(f"-- {prose}")
    assert (found.doc, problems) == (prose, [])


@pytest.mark.parametrize("place", ["select :a,\n{}\n:b", "select :a, :b\n{}", "select :a, :b;\n{}"])
def test_a_directive_below_the_statements_first_word_is_a_problem(place):
    statements, problems = read("--", place.format("-- timeout: 2s"))
    assert statements == []
    assert [p.message for p in problems] == ["`timeout:` has no effect here"]


@pytest.mark.parametrize(("written", "size"), [("batch", 256), ("batch: 40", 40), ("batch :2", 2)])
def test_calls_of_one_can_be_batched(written, size):
    (found,), problems = read(f"-- {written}", kind="one")
    assert problems == []
    assert found.batch is not None
    assert found.batch.size == size


def test_batch_below_the_statements_first_word_is_a_problem():
    _, problems = read("--", "select :a, :b\n-- batch\n", kind="one")
    assert [p.message for p in problems] == ["`batch` has no effect here"]


def test_batch_given_twice_is_a_problem():
    _, problems = read("-- batch\n-- batch: 9", kind="one")
    assert [summary(p)[:2] for p in problems] == [("3:1", "`batch` is given twice")]


def test_sqlcs_dialect_has_no_directives():
    (found,), problems = parse("-- name: A :one\n-- returns: x\n-- timout: 2s\nselect 1", "sqlc")
    assert (found.doc, found.returns, problems) == ("returns: x\ntimout: 2s", None, [])


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("20", "20"),
        ("-20", "-20"),
        ("0x10", "16"),
        ("1_000", "1000"),
        ("1.50", "1.5"),
        ("True", "True"),
        ("None", "None"),
        ('"it\'s"', '"it\'s"'),
        ('"x"', "'x'"),
        ("'a' 'b'", "'ab'"),
        ("20  # twenty", "20"),
        ("uuid7()", "uuid7()"),
        ("uuid7(1)", None),
        ("uuid8()", None),
        ("-True", None),
        ("-'x'", None),
        ("1e999", None),
        ("1j", None),
        ("b'x'", None),
        ("f'{x}'", None),
        ("[]", None),
        ("1 + 1", None),
        ("true", None),
        ("__import__('os')", None),
        ("'\\d'", None),  # an escape that Python warns of
        ("(" * 500, None),
        ("9" * 5000, None),
        ("0x" + "f" * 990, repr(int("f" * 990, 16))),
    ],
)
def test_a_default_is_a_plain_literal(written, expected):
    assert python_literal(written) == expected


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(),
                 st.none(), st.text(max_size=100)))  # fmt: skip
def test_every_plain_value_can_be_a_default(value):
    assert python_literal(repr(value)) == repr(value)


@given(st.text())
def test_a_default_that_is_taken_is_a_literal_of_python(text):
    found = python_literal(text)
    if found is not None and found != "uuid7()":
        assert isinstance(ast.literal_eval(found), (int, float, str, type(None)))
