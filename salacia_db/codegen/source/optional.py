"""The shapes of a statement with optional lines: its text for each choice of what is given."""

from collections.abc import Iterable, Sequence
from itertools import combinations

from msgspec import Struct
from msgspec.structs import replace

from salacia_db.codegen.facts import Marker, ParameterUse, Statement
from salacia_db.codegen.source.lexer import Token, lex
from salacia_db.codegen.source.rewriting import Pieces, Rewriting, runs
from salacia_db.codegen.source.tidying import tidy

MOST_SHAPES = 256


class Shape(Struct, frozen=True):
    """A statement with only those optional lines whose parameters are in `names`.

    `sql`, `pieces` and `parameters` are as in `facts.Statement`, numbered anew without gaps.
    `writes_nothing` marks an UPDATE whose SET is empty: its `sql` isn't meant to be run.
    """

    names: frozenset[str]
    sql: str
    pieces: Pieces
    parameters: tuple[ParameterUse, ...]
    writes_nothing: bool = False


def optional_names(statement: Statement) -> tuple[str, ...]:
    """The parameters that may be absent, in the order of their lines."""
    return tuple(dict.fromkeys(line.name for line in statement.optional))


def shapes(statement: Statement) -> list[Shape]:
    """The shapes to check: all, up to MOST_SHAPES; beyond, at most two given, and all given."""
    tokens = lex(statement.sql)
    return [_shape(statement, tokens, names) for names in _choices(optional_names(statement))]


def _choices(names: Sequence[str]) -> list[frozenset[str]]:
    most = len(names) if 2 ** len(names) <= MOST_SHAPES else 2
    choices = [frozenset(c) for size in range(most + 1) for c in combinations(names, size)]
    return choices if most == len(names) else [*choices, frozenset(names)]


def shape(statement: Statement, names: Iterable[str]) -> Shape:
    """The shape in which exactly these of the optional parameters are given."""
    return _shape(statement, lex(statement.sql), frozenset(names))


def _shape(statement: Statement, tokens: Sequence[Token], given: frozenset[str]) -> Shape:
    absent = [(o.start, o.end) for o in statement.optional if o.name not in given]
    result = tidy([token for token in tokens if token.significant], absent)
    cuts = [*absent, *(_place(token, statement.sql) for token in result.removed)]
    kept = _kept(statement.sql, tokens, cuts)
    sql, pieces, parameters = _rewrite(statement, kept)
    return Shape(given, sql, pieces, parameters, result.writes_nothing)


def _place(token: Token, sql: str) -> tuple[int, int]:
    """What goes with a token: at the beginning of a line the space behind it too."""
    end = token.end
    if not sql[sql.rfind("\n", 0, token.start) + 1 : token.start].strip():
        while sql[end : end + 1] in (" ", "\t"):
            end += 1
    return token.start, end


def _kept(
    sql: str, tokens: Sequence[Token], cuts: Iterable[tuple[int, int]]
) -> list[tuple[int, int]]:
    """What stays of a text, without the empty lines and trailing spaces that cutting leaves."""
    keep = bytearray(b"\1" * len(sql))
    for start, end in cuts:
        keep[start:end] = bytes(end - start)
    start = 0
    for end in [*_line_ends(tokens), len(sql)]:
        line = range(start, end)
        if not all(keep[start:end]):
            stays = [i for i in line if keep[i] and not sql[i].isspace()]
            # A line that is left empty goes with its line break.
            beyond = (stays[-1] + 1, end) if stays else (start, min(end + 1, len(sql)))
            keep[beyond[0] : beyond[1]] = bytes(beyond[1] - beyond[0])
        start = end + 1
    stop = len(sql)
    while stop and (not keep[stop - 1] or sql[stop - 1].isspace()):
        stop -= 1
    return _ranges(keep[:stop])


def _line_ends(tokens: Iterable[Token]) -> list[int]:
    # Only line breaks between tokens: those of a string are its own.
    return [
        token.start + index
        for token in tokens
        if token.kind == "space"
        for index, character in enumerate(token.text)
        if character == "\n"
    ]


def _ranges(keep: bytearray) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    start = keep.find(1)
    while start >= 0:
        end = keep.find(0, start)
        end = len(keep) if end < 0 else end
        ranges.append((start, end))
        start = keep.find(1, end)
    return ranges


def _rewrite(
    statement: Statement, kept: Sequence[tuple[int, int]]
) -> tuple[str, Pieces, tuple[ParameterUse, ...]]:
    markers = sorted(
        (marker.start, marker.end, parameter.number, marker)
        for parameter in statement.parameters
        for marker in parameter.markers
        if any(start <= marker.start < end for start, end in kept)
    )
    numbers = {old: new for new, old in enumerate(sorted({m[2] for m in markers}), 1)}
    places: dict[int, list[Marker]] = {}
    out = Rewriting()
    for start, end in kept:
        for at, stop, number, marker in markers:
            if start <= at < end:
                _copy(statement, start, at, out)
                start = stop
                text = f"${numbers[number]}"
                place = Marker(out.length, out.length + len(text), marker.source)
                places.setdefault(number, []).append(place)
                out.put(text, marker.source.start)
        _copy(statement, start, end, out)
    sql, pieces = out.finish(statement.body.end)
    parameters = (
        replace(p, number=numbers[p.number], markers=tuple(places[p.number]))
        for p in statement.parameters
        if p.number in numbers
    )
    return sql, pieces, tuple(parameters)


def _copy(statement: Statement, start: int, end: int, out: Rewriting) -> None:
    for begin, stop, at in runs(statement.pieces, start, end):
        out.copy(statement.sql[begin:stop], at)
