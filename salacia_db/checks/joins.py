"""From an outer join's condition, which the tree has a place for, to its JOIN, which it has not."""

from salacia_db.codegen.facts import Span
from salacia_db.codegen.source.lexer import Token, lex

_KINDS = ("left", "right", "full", "inner", "outer", "natural", "cross")


def join_before(condition: Span, body: Span) -> Span | None:
    """The words (`left join`) of the join whose ON holds the condition; None if it is no ON's.

    `body` is the place of the whole statement.
    """
    text = body.file.text[body.start : body.end]
    tokens = [token for token in lex(text) if token.significant]
    open_joins: list[int] = []
    latest: int | None = None
    for index, token in enumerate(tokens):
        if body.start + token.start >= condition.start:
            break
        if _is(token, "join"):
            if not _without_condition(tokens, index):
                open_joins.append(index)
            latest = None
        elif _closes(tokens, index) and open_joins:
            latest = open_joins.pop()
        elif not token.is_symbol("("):
            latest = None
    if latest is None:
        return None
    first = latest
    while first > 0 and any(_is(tokens[first - 1], kind) for kind in _KINDS):
        first -= 1
    return Span(body.file, body.start + tokens[first].start, body.start + tokens[latest].end)


def _is(token: Token, word: str) -> bool:
    return token.kind == "name" and token.text.lower() == word


def _without_condition(tokens: list[Token], join: int) -> bool:
    before = tokens[max(0, join - 3) : join]
    return any(_is(token, word) for token in before for word in ("cross", "natural"))


def _closes(tokens: list[Token], index: int) -> bool:
    """Whether the token is the ON or USING of a join, not of DISTINCT ON or ORDER BY … USING."""
    if _is(tokens[index], "using"):
        return index + 1 < len(tokens) and tokens[index + 1].is_symbol("(")
    return _is(tokens[index], "on") and not (index and _is(tokens[index - 1], "distinct"))
