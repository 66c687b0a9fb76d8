"""Places that the server reports, in what was sent to it, back to places in the file."""

from bisect import bisect_right
from functools import lru_cache

from salacia_db.codegen.facts import Span, Statement
from salacia_db.codegen.source.lexer import Token, lex
from salacia_db.codegen.source.rewriting import file_offset


def span_at(statement: Statement, character_offset: int) -> Span:
    """The place of an error position: characters of `statement.sql`, counted from 1.

    It ends where the token there ends; behind the last token it is empty.
    """
    return _span(statement, character_offset - 1)


def span_at_byte(statement: Statement, byte_offset: int) -> Span:
    """The place of a location in a query tree: UTF-8 bytes of `statement.sql`, counted from 0.

    A negative one (the server doesn't know) is the whole statement.
    """
    if byte_offset < 0:
        return statement.body
    before = statement.sql.encode("utf-8", "surrogatepass")[:byte_offset]
    return _span(statement, len(before.decode("utf-8", "ignore")))


def _span(statement: Statement, offset: int) -> Span:
    body = statement.body
    offset = max(0, offset)
    if offset >= len(statement.sql):
        return Span(body.file, body.end, body.end)
    for parameter in statement.parameters:
        for marker in parameter.markers:
            if marker.start <= offset < marker.end:
                return marker.source
    start = file_offset(statement.pieces, offset)
    tokens = _tokens(body.file.text[body.start : body.end])
    index = bisect_right(tokens, start - body.start, key=lambda token: token.start) - 1
    return Span(body.file, start, body.start + tokens[index].end)


@lru_cache(maxsize=64)
def _tokens(text: str) -> tuple[Token, ...]:
    return tuple(lex(text))
