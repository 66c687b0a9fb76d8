"""What the tests of `source` share: a text parsed as the file sql/q.sql."""

from salacia_db.codegen.facts import Dialect, SourceFile, Span, Statement
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source import parse_file


def parse(text: str, dialect: Dialect = "salacia") -> tuple[list[Statement], list[Problem]]:
    return parse_file(SourceFile("sql/q.sql", text), "q", None, dialect)


def statement(sql: str, dialect: Dialect = "salacia", kind: str = "many") -> Statement:
    """The one statement of a text, which must have no problem."""
    statements, problems = parse(f"-- name: it :{kind}\n{sql}", dialect)
    assert problems == []
    (found,) = statements
    return found


def problem(sql: str, dialect: Dialect = "salacia", kind: str = "many") -> Problem:
    """The one problem of a statement, which must not come through."""
    statements, problems = parse(f"-- name: it :{kind}\n{sql}", dialect)
    assert statements == []
    (found,) = problems
    return found


def text_at(span: Span | None) -> str:
    assert span is not None
    return span.file.text[span.start : span.end]


def summary(found: Problem) -> tuple[str, str, str | None]:
    """Where a problem is (line:column), what it says, and its hint."""
    _, line, column = found.position() or ("", 0, 0)
    return f"{line}:{column}", found.message, found.hint
