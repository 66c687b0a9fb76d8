"""The shapes of a statement with optional lines: its text for each choice of what is given."""

from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from itertools import combinations, product
from math import prod
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from salacia_db.codegen.facts import Bit, Marker, ParameterUse, Statement
from salacia_db.codegen.source.lexer import Token, lex
from salacia_db.codegen.source.rewriting import Pieces, Rewriting, runs
from salacia_db.codegen.source.tidying import tidy

MOST_SHAPES = 256

States: TypeAlias = tuple[frozenset[Bit], ...]
"""What one name can be, in bits; the first is what it is when left out."""


class Shape(Struct, frozen=True):
    """A statement with only those optional lines whose bits are in `given`.

    `sql`, `pieces` and `parameters` are as in `facts.Statement`, numbered anew by their first use.
    `kept` maps the text to the statement's: (offset here, offset there) pairs, as `pieces` do.
    `writes_nothing` marks an UPDATE whose SET is empty: its `sql` isn't meant to be run.
    """

    given: frozenset[Bit]
    sql: str
    pieces: Pieces
    parameters: tuple[ParameterUse, ...]
    kept: Pieces
    writes_nothing: bool = False


def optional_names(statement: Statement) -> tuple[str, ...]:
    """The parameters that may be absent, in the order of their lines."""
    return tuple(dict.fromkeys(line.name for line in statement.optional if line.value is None))


def bits(statement: Statement) -> tuple[Bit, ...]:
    """What the lines depend on, each once, in the order of the lines."""
    return tuple(dict.fromkeys(line.bit for line in statement.optional))


def shapes(statement: Statement) -> list[Shape]:
    """The shapes to check, that with everything given first.

    All, up to MOST_SHAPES; beyond, each state by itself with the rest left out, everything given,
    and enough for every pair of states to occur.
    """
    tokens = lex(statement.sql)
    return [_shape(statement, tokens, given) for given in _choices(_states(statement))]


def _states(statement: Statement) -> list[States]:
    """What each name can be, in bits: the first is what it is when left out."""
    nothing: frozenset[Bit] = frozenset()
    states: list[States] = [
        (nothing, frozenset([(name, None)])) for name in optional_names(statement)
    ]
    for choice in statement.choices:
        labels = [frozenset({(choice.name, label)}) for label in choice.labels]
        first: frozenset[Bit] = nothing
        if choice.default in choice.labels:
            first = frozenset({(choice.name, choice.default)})
        states.append((first, *(label for label in labels if label != first)))
    return states


def _choices(states: Sequence[States]) -> list[frozenset[Bit]]:
    complete = _union(next((state for state in own if state), own[0]) for own in states)
    if prod(len(own) for own in states) <= MOST_SHAPES:
        found = [_union(chosen) for chosen in product(*states)]
    else:
        found = [*_alone(states), *_covering(states)]
    return list(dict.fromkeys([complete, *found]))


def _alone(states: Sequence[States]) -> Iterator[frozenset[Bit]]:
    """Everything left out, and each state by itself."""
    base = [own[0] for own in states]
    for index, own in enumerate(states):
        for state in own:
            yield _union([*base[:index], state, *base[index + 1 :]])


def _covering(states: Sequence[States]) -> Iterator[frozenset[Bit]]:
    """Choices in which every pair of states occurs, far fewer than there are pairs.

    Greedy, as in Cohen, Dalal, Fredman and Patton, "The AETG System", 1997: each begins with a pair
    that hasn't occurred and takes for every other name the state that adds most pairs.
    """
    missing = dict.fromkeys(
        ((i, one), (j, other))
        for (i, first), (j, second) in combinations(enumerate(states), 2)
        for one, other in product(range(len(first)), range(len(second)))
    )
    while missing:
        chosen = dict(next(iter(missing)))
        for index, own in enumerate(states):
            if index not in chosen:
                chosen[index] = max(
                    range(len(own)), key=lambda state: _new(index, state, chosen, missing)
                )
        for pair in combinations(sorted(chosen.items()), 2):
            missing.pop(pair, None)
        yield _union(states[index][state] for index, state in chosen.items())


def _new(index: int, state: int, chosen: dict[int, int], missing: Container[object]) -> int:
    """How many pairs a state of a name adds to what is chosen."""
    own = (index, state)
    return sum(tuple(sorted((own, other))) in missing for other in chosen.items())


def _union(chosen: Iterable[frozenset[Bit]]) -> frozenset[Bit]:
    return frozenset(bit for state in chosen for bit in state)


def shape(statement: Statement, given: Iterable[Bit]) -> Shape:
    """The shape in which exactly this is given."""
    return _shape(statement, lex(statement.sql), frozenset(given))


def _shape(statement: Statement, tokens: Sequence[Token], given: Collection[Bit]) -> Shape:
    absent = [(o.start, o.end) for o in statement.optional if o.bit not in given]
    result = tidy([token for token in tokens if token.significant], absent)
    cuts = [*absent, *(_place(token, statement.sql) for token in result.removed)]
    kept = _kept(statement.sql, tokens, cuts)
    sql, pieces, parameters, places = _rewrite(statement, kept)
    return Shape(frozenset(given), sql, pieces, parameters, places, result.writes_nothing)


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
            # A line that is left empty goes with its line break, unless that ends another, too.
            before = keep.rfind(1, 0, start)
            last = end + 1 if before < 0 or sql[before] == "\n" else end
            beyond = (stays[-1] + 1, end) if stays else (start, min(last, len(sql)))
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
) -> tuple[str, Pieces, tuple[ParameterUse, ...], Pieces]:
    markers = sorted(
        (marker.start, marker.end, parameter.number, marker)
        for parameter in statement.parameters
        for marker in parameter.markers
        if any(start <= marker.start < end for start, end in kept)
    )
    numbers = {old: new for new, old in enumerate(dict.fromkeys(m[2] for m in markers), 1)}
    places: dict[int, list[Marker]] = {}
    out = Rewriting()
    own: list[tuple[int, int]] = []
    for start, end in kept:
        own.append((out.length, start))
        for at, stop, number, marker in markers:
            if start <= at < end:
                _copy(statement, start, at, out)
                start = stop
                text = f"${numbers[number]}"
                place = Marker(out.length, out.length + len(text), marker.source)
                places.setdefault(number, []).append(place)
                own.append((out.length, at))
                out.put(text, marker.source.start)
                own.append((out.length, stop))
        _copy(statement, start, end, out)
    sql, pieces = out.finish(statement.body.end)
    parameters = (
        replace(p, number=numbers[p.number], markers=tuple(places[p.number]))
        for p in statement.parameters
        if p.number in numbers
    )
    return sql, pieces, tuple(parameters), tuple(own)


def _copy(statement: Statement, start: int, end: int, out: Rewriting) -> None:
    for begin, stop, at in runs(statement.pieces, start, end):
        out.copy(statement.sql[begin:stop], at)
