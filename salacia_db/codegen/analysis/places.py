"""Where a place in the text sent to the server lies in the file that a person wrote."""

from bisect import bisect_right

from salacia_db.codegen.facts import Span, Statement


def span(statement: Statement, start: int, end: int | None = None) -> Span:
    """The place of the characters `start:end` of `statement.sql`; one character without `end`.

    A place inside a parameter is the whole parameter as it is written in the file.
    """
    for parameter in statement.parameters:
        for marker in parameter.markers:
            if marker.start <= start < marker.end:
                return marker.source
    file = statement.body.file
    first = _offset(statement, start)
    if end is None or end <= start + 1:
        return Span(file, first, min(first + 1, len(file.text)))
    # The last character, not the one after it, which may stand beyond a rewritten piece.
    return Span(file, first, max(first, _offset(statement, end - 1)) + 1)


def character(sql: str, offset: int) -> int:
    """The character offset of a UTF-8 byte offset, as node trees have them; -1 stays -1."""
    if offset < 0:
        return -1
    return offset if sql.isascii() else len(sql.encode()[:offset].decode("utf-8", "ignore"))


def _offset(statement: Statement, position: int) -> int:
    pieces = statement.pieces
    found = bisect_right(pieces, (position, len(statement.body.file.text) + 1)) - 1
    if found < 0:
        return statement.body.start + position
    there, here = pieces[found]
    return min(here + position - there, len(statement.body.file.text))
