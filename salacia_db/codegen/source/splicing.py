"""Other text put into a statement, with everything that is known by its offsets moved along."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from salacia_db.codegen.facts import Marker, OptionalLine, ParameterUse, Statement
from salacia_db.codegen.source.rewriting import Pieces, Rewriting, runs


class Splice(Struct, frozen=True):
    """`text` in place of `start:end` of a statement's `sql`.

    Problems within it are told at offset `place` of the file. Offsets of `markers` (with the
    numbers of their parameters) and `lines` count from its own start.
    """

    start: int
    end: int
    text: str
    place: int
    markers: tuple[tuple[int, Marker], ...] = ()
    lines: tuple[OptionalLine, ...] = ()


def splice(statement: Statement, splices: Sequence[Splice]) -> Statement:
    """The statement with all of them, which don't overlap."""
    ordered = sorted(splices, key=lambda one: (one.start, one.end))
    moved = _Moved(ordered)
    sql, pieces = _text(statement, ordered)
    lines = [moved.line(line) for line in statement.optional]
    markers = {
        p.number: [moved.marker(marker) for marker in p.markers] for p in statement.parameters
    }
    shift = 0
    for one in ordered:
        at = one.start + shift
        shift += len(one.text) - (one.end - one.start)
        lines += [replace(o, start=o.start + at, end=o.end + at) for o in one.lines]
        for number, marker in one.markers:
            markers.setdefault(number, []).append(
                replace(marker, start=marker.start + at, end=marker.end + at)
            )
    return replace(
        statement,
        sql=sql,
        pieces=pieces,
        parameters=tuple(_with_markers(p, markers[p.number]) for p in statement.parameters),
        optional=in_order(lines),
        filters=tuple(replace(f, at=moved.end(f.at)) for f in statement.filters),
    )


def in_order(lines: Sequence[OptionalLine]) -> tuple[OptionalLine, ...]:
    """Optional lines by their place, the outer of two first."""
    return tuple(sorted(lines, key=lambda line: (line.start, -line.end)))


def _with_markers(parameter: ParameterUse, markers: list[Marker]) -> ParameterUse:
    return replace(parameter, markers=tuple(sorted(markers, key=lambda m: m.start)))


def _text(statement: Statement, splices: Sequence[Splice]) -> tuple[str, Pieces]:
    out = Rewriting()
    at = 0
    for one in splices:
        _copy(statement, at, one.start, out)
        out.put(one.text, one.place)
        at = one.end
    _copy(statement, at, len(statement.sql), out)
    return out.finish(statement.body.end)


def _copy(statement: Statement, start: int, end: int, out: Rewriting) -> None:
    for begin, stop, at in runs(statement.pieces, start, end):
        out.copy(statement.sql[begin:stop], at)


class _Moved:
    """Where offsets are afterwards."""

    def __init__(self, splices: Sequence[Splice]) -> None:
        self._splices = splices

    def start(self, offset: int) -> int:
        """Of what begins at an offset: behind what is put there."""
        return offset + sum(
            len(one.text) - (one.end - one.start) for one in self._splices if one.end <= offset
        )

    def end(self, offset: int) -> int:
        """Of what ends at an offset: before what is put there."""
        return offset + sum(
            len(one.text) - (one.end - one.start)
            for one in self._splices
            if one.end <= offset and one.start < offset
        )

    def line(self, line: OptionalLine) -> OptionalLine:
        return replace(line, start=self.start(line.start), end=self.end(line.end))

    def marker(self, marker: Marker) -> Marker:
        start = self.start(marker.start)
        return replace(marker, start=start, end=start + marker.end - marker.start)
