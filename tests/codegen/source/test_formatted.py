"""What SQL formatters make of a file with optional lines: it means the same, or is refused.

`written.sql` is the file; the others are what `sql-formatter` 15.9, with the settings of docs,
and `sqlformat --reindent` of sqlparse 0.5 make of it.
"""

from pathlib import Path

from salacia_db.codegen.facts import Bit, SourceFile
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source import parse_file
from salacia_db.codegen.source.inclusion import included
from salacia_db.codegen.source.lexer import lex
from salacia_db.codegen.source.optional import shapes

FILES = Path(__file__).with_name("formatted")


def read(name: str) -> tuple[dict[str, dict[frozenset[Bit], list[str]]], list[Problem]]:
    """The tokens of each shape of each statement, and the problems."""
    text = (FILES / name).read_text("utf-8")
    statements, problems = parse_file(SourceFile(name, text), "q", None, "salacia")
    statements, more = included(statements)
    found = {
        statement.name: {
            shape.given: [token.text for token in lex(shape.sql) if token.significant]
            for shape in shapes(statement)
        }
        for statement in statements
    }
    return found, problems + more


def test_a_formatter_that_keeps_comments_at_their_lines_changes_nothing() -> None:
    written, problems = read("written.sql")
    assert problems == []
    assert {name: len(found) for name, found in written.items()} == {
        "search": 144, "patch": 4, "add": 2, "total": 24
    }  # fmt: skip
    assert read("sql_formatter.sql") == (written, [])


def test_orders_of_several_terms_that_are_put_on_lines_of_their_own_are_refused() -> None:
    _, problems = read("sql_formatter_several_terms.sql")
    assert problems[0].message == "a term without a key among terms that have one"


def test_lines_that_are_joined_or_cut_within_a_condition_are_refused() -> None:
    _, problems = read("sqlparse.sql")
    messages = [problem.message for problem in problems]
    assert "this condition would leave out the statement's beginning" in messages
    assert "the line of this condition goes on with RETURNING" in messages
