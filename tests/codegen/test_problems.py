"""A problem shows its place truly, and can't be made to show anything else."""

import pytest

from salacia_db.codegen.facts import SourceFile, Span
from salacia_db.codegen.problems import Problem, ProblemsError


def at(text: str, part: str) -> Span:
    start = text.index(part)
    return Span(SourceFile("sql/q.sql", text), start, start + len(part))


def excerpt(text: str, part: str) -> list[str]:
    """The two lines that show where `part` stands in `text`."""
    return Problem("wrong", at(text, part)).render().split("\n")[1:]


def test_everything_that_a_problem_says():
    problem = Problem(
        "no column `naem`", at("select\n  naem\nfrom t", "naem"), "did you mean `name`?"
    )
    assert problem.render() == (
        "sql/q.sql:2:3: error: no column `naem`\n"
        "    2 |   naem\n"
        "      |   ^^^^\n"
        "  hint: did you mean `name`?"
    )


def test_a_problem_without_a_place_or_a_hint():
    assert Problem("no server", severity="warning").render() == "warning: no server"
    assert Problem("no server").position() is None


def test_lines_and_columns_count_characters_from_one():
    assert Problem("", at("é\n\té😀x", "x")).position() == ("sql/q.sql", 2, 4)
    assert Problem("", at("x", "x")).position() == ("sql/q.sql", 1, 1)


def test_the_caret_stands_under_its_character_behind_tabs():
    assert excerpt("\ta,\tnaem", "naem") == ["    1 | \ta,\tnaem", "      | \t  \t^^^^"]


def test_the_caret_stands_under_its_character_behind_wide_and_combining_ones():
    assert excerpt("日本 naem", "naem") == ["    1 | 日本 naem", "      |      ^^^^"]
    assert excerpt("e\u0301 naem", "naem") == ["    1 | e\u0301 naem", "      |   ^^^^"]
    assert excerpt("é naem", "naem") == ["    1 | é naem", "      |   ^^^^"]


def test_carets_are_as_wide_as_what_they_mark():
    assert excerpt("a 日本 b", "日本") == ["    1 | a 日本 b", "      |   ^^^^"]


@pytest.mark.parametrize("hostile", ["\x1b", "\r", "\u202e", "\u2028", "\x85", "\x00", "\u200b"])
def test_control_and_direction_characters_of_a_file_are_not_shown(hostile):
    assert excerpt(f"a{hostile} naem", "naem") == ["    1 | a? naem", "      |    ^^^^"]


def test_control_and_direction_characters_of_a_message_are_escaped():
    problem = Problem("no \x1b[2J\u202e", hint="try \r\u2066")
    assert problem.render() == "error: no \\x1b[2J\\u202e\n  hint: try \\r\\u2066"


def test_a_line_break_in_a_name_forges_no_second_problem():
    problem = Problem("no column `a\nerror: b`", hint="try\nagain")
    assert problem.render() == "error: no column `a\n    error: b`\n  hint: try\n    again"
    file = SourceFile("a\nb.sql", "x")
    assert (
        Problem("wrong", Span(file, 0, 1)).render().startswith("a\n    b.sql:1:1: error: wrong\n")
    )


def test_the_end_of_a_file_has_a_caret_of_its_own():
    file = SourceFile("q.sql", "select 1\n")
    assert Problem("more", Span(file, 8, 8)).render().endswith("| select 1\n      |         ^")
    assert (
        Problem("more", Span(file, 9, 9)).render() == "q.sql:2:1: error: more\n    2 | \n      | ^"
    )
    assert Problem("more", Span(SourceFile("q.sql", ""), 0, 0)).position() == ("q.sql", 1, 1)


def test_an_empty_line_has_a_caret():
    assert (
        Problem("here", Span(SourceFile("q.sql", "a\n\nb"), 2, 2))
        .render()
        .endswith("| \n      | ^")
    )


def test_a_place_of_many_lines_is_marked_on_its_first():
    assert excerpt("x 'a\nb' y", "'a\nb'") == ["    1 | x 'a", "      |   ^^"]


def test_line_numbers_of_any_length_line_up():
    text = "\n" * 123455 + "naem"
    assert excerpt(text, "naem") == ["123456 | naem", "       | ^^^^"]


def test_the_error_carries_all_problems_and_shows_them():
    problems = (Problem("one"), Problem("two"))
    error = ProblemsError(*problems)
    assert error.problems == problems
    assert str(error) == "error: one\nerror: two"
