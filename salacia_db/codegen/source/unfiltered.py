"""An UPDATE or DELETE whose WHERE may be left out whole: then it would write every row."""

from collections.abc import Sequence

from salacia_db.codegen.facts import Statement
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.guards import Guards
from salacia_db.codegen.source.lexer import Token, lex
from salacia_db.codegen.source.positions import span_at

_HINT = (
    "keep a condition that is always there; or begin with `where true` if every row can be meant"
)


def unfiltered(statement: Statement) -> Problem | None:
    """What is wrong with the first such WHERE; None where there is none."""
    tokens = lex(statement.sql)
    guards = Guards(statement, tokens)
    significant = [token for token in tokens if token.significant]
    for index, token in enumerate(significant):
        verb = _verb(significant[:index]) if token.is_word("where") else None
        if verb is None or set(guards.of(token)) <= set(guards.of(verb)):
            continue
        does = "deletes" if verb.is_word("delete") else "changes"
        names = sorted({name for clause in guards.of(token) for name, _ in clause})
        without = " and ".join(f"`{name}`" for name in names)
        at = span_at(statement, token.start + 1)
        return Problem(f"without {without} this {does} every row", at, _HINT)
    return None


def _verb(before: Sequence[Token]) -> Token | None:
    """The UPDATE or DELETE that a WHERE behind these tokens belongs to."""
    depth = 0
    for index in range(len(before) - 1, -1, -1):
        token = before[index]
        if token.is_symbol(")", "]"):
            depth += 1
        elif token.is_symbol("(", "["):
            if depth == 0:
                return None
            depth -= 1
        elif depth == 0 and token.is_word("select", "insert", "merge", "where", "values"):
            return None
        elif depth == 0 and token.is_word("update", "delete"):
            # ON CONFLICT DO UPDATE changes the row that is in the way, and no other.
            return None if index and before[index - 1].is_word("do") else token
    return None
