"""What PostgreSQL refuses is shown at its place, with what was probably meant."""

import pytest
from asking import Asker


@pytest.mark.parametrize(
    ("sql", "place", "message", "hint"),
    [
        ("select nme from providers", "2:8", 'column "nme" does not exist', "did you mean `name`?"),
        (
            "select 'äöü€😀' as x, nme from providers",
            "2:22",
            'column "nme"',
            "did you mean `name`?",
        ),
        ("select p.nme from providers p", "2:8", "column p.nme", "did you mean `name`?"),
        (
            "select 1 as one\n\t, p.nme from providers p",
            "3:4",
            "column p.nme",
            "did you mean `name`?",
        ),
        (
            "insert into providers (id, nmae) values (:id, :n)",
            "2:28",
            '"nmae"',
            "did you mean `name`?",
        ),
        ("update providers set nmae = 'x'", "2:22", '"nmae"', "did you mean `name`?"),
        ("select id from provider", "2:16", '"provider"', "did you mean `providers`?"),
        ("select lenght(name) from providers", "2:8", "lenght", "did you mean `length`?"),
        ("select 1::integr", "2:11", 'type "integr"', "did you mean `integer`?"),
        ("select 1 form providers where true", "2:15", "syntax error", None),
        ("selec 1", "2:1", "syntax error", "did you mean `select`?"),
        ("select 1 from", "2:13", "syntax error at end of input", None),
        ("select length(1) as n", "2:8", "length(integer)", "No function matches"),
        ("select providers.id from providers p", "2:8", '"providers"', "did you mean `p`?"),
        ("select :a + 1::int as n, nme\nfrom loose", "2:26", '"nme"', None),
        ("select a from loose order by c", "2:30", 'column "c"', None),
        ("insert into loose (a, b) values (1)", "2:23", "more target columns", None),
        (
            "select id from providers a, providers b",
            "2:8",
            "is ambiguous",
            "write a table's name or alias before it",
        ),
        (
            "select id from providers where mood = 'happy'",
            "2:39",
            'invalid input value for enum mood: "happy"',
            "it is one of 'fine', 'sad'",
        ),
        (
            "select id from providers where mood = 'fin'",
            "2:39",
            'enum mood: "fin"',
            "did you mean 'fine'?",
        ),
        (
            "select model, count(*) from interactions",
            "2:8",
            "must appear in the GROUP BY",
            "group by it, or put it into an aggregate",
        ),
        ("select sum(count(*)) from loose", "2:12", "cannot be nested", None),
    ],
)
def test_place_and_hint(ask: Asker, sql: str, place: str, message: str, hint: str | None) -> None:
    rendered = ask.problem(sql)
    assert rendered.startswith(f"q.sql:{place}: error: ")
    assert message in rendered
    if hint is None:
        assert "did you mean" not in rendered
    else:
        assert f"hint: {hint}" in rendered


def test_a_list_as_other_libraries_take_it_is_told_how_it_is_written_here(ask: Asker) -> None:
    rendered = ask.problem("select id from providers where id in :ids")
    assert rendered.startswith('q.sql:2:38: error: syntax error at or near ":ids"\n')
    assert "hint: a list is written `= any(:ids)`" in rendered


def test_a_parameter_is_no_name(ask: Asker) -> None:
    rendered = ask.problem("select id from :table")
    assert rendered.startswith('q.sql:2:16: error: syntax error at or near ":table"\n')
    assert "hint: look at the word before it; a parameter is a value" in rendered


def test_a_parameter_before_the_error_doesnt_shift_it(ask: Asker) -> None:
    rendered = ask.problem("select :a_rather_long_name::int as a, nme from providers")
    assert rendered.startswith("q.sql:2:39: ")


def test_several_tables_may_be_meant(ask: Asker) -> None:
    rendered = ask.problem("select modle from interactions i, listed l")
    assert "hint: did you mean `i.model` or `l.model`?" in rendered
