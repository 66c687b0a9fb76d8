"""What needs no server to be refused: a statement that somebody is still typing.

An editor asks at every pause. Where all other statements are known already, this spares it the
start of a server. Only what PostgreSQL is sure to refuse is refused here, and in its words.
"""

from salacia_db.codegen.facts import Statement
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.lexer import Token, lex
from salacia_db.codegen.source.positions import span_at
from salacia_db.codegen.source.suggest import did_you_mean

_QUERIES = frozenset("select insert update delete merge with values".split())
_COMMANDS = _QUERIES | frozenset(
    """
    abort alter analyse analyze begin call checkpoint close cluster comment commit copy create
    deallocate declare discard do drop end execute explain fetch grant import listen load lock move
    notify prepare reassign refresh reindex release repack reset revoke rollback savepoint security
    set show start table truncate unlisten vacuum wait
    """.split()
)
# Reserved, and no name of a column either unless AS stands before them: something has to follow.
_LEADING = """
    as except from group having intersect into limit offset on order returning union where
""".split()


def unfinished(statement: Statement) -> Problem | None:
    """The problem of a statement whose first word is no command, or whose last wants another."""
    tokens = [t for t in lex(statement.sql) if t.significant and not t.is_symbol(";")]
    if not tokens or tokens[0].kind != "name":
        return None
    first = tokens[0].text.lower()
    if first not in _COMMANDS:
        near = did_you_mean(first, sorted(_QUERIES))
        if near is None:
            return None  # a command of a newer server, perhaps
        message = f'syntax error at or near "{tokens[0].text}"'
        return Problem(message, span_at(statement, tokens[0].start + 1), f"did you mean `{near}`?")
    if first not in _QUERIES or not _wants_more(tokens):
        return None
    # The caret stands where the server would have it: at the end of what is there.
    return Problem("syntax error at end of input", span_at(statement, tokens[-1].end))


def _wants_more(tokens: list[Token]) -> bool:
    last = tokens[-1]
    if last.kind == "operator":
        return last.text != "*"
    if last.is_symbol(",", ".", "(", "[", "::", ":="):
        return True
    before = tokens[-2] if len(tokens) > 1 else last
    return last.is_word(*_LEADING) and not (before.is_word("as") or before.is_symbol("."))
