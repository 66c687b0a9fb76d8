"""A text made from parts of a file, which remembers where each of its characters comes from."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

Pieces = tuple[tuple[int, int], ...]


class Rewriting:
    """A text under construction. `pieces` is as `facts.Statement.pieces` wants it."""

    __slots__ = ("_file_end", "_length", "_parts", "_pieces")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._pieces: list[tuple[int, int]] = []
        self._length = 0
        self._file_end = 0

    @property
    def length(self) -> int:
        """The offset of the next character."""
        return self._length

    def copy(self, text: str, at: int) -> None:
        """Append what stands in the file at offset `at`."""
        if not text:
            return
        if not self._pieces or self._file_end != at:
            self._pieces.append((self._length, at))
        self._parts.append(text)
        self._length += len(text)
        self._file_end = at + len(text)

    def put(self, text: str, at: int) -> None:
        """Append a text that replaces what stands in the file at `at`: all of it maps there."""
        for character in text:
            self._pieces.append((self._length, at))
            self._parts.append(character)
            self._length += 1
        self._file_end = -1

    def last(self) -> str:
        """The last character so far, or nothing."""
        return self._parts[-1][-1] if self._parts else ""

    def finish(self, at: int) -> tuple[str, Pieces]:
        """The text and its pieces; the end of the text maps to offset `at` of the file."""
        if not self._pieces or self._file_end != at:
            self._pieces.append((self._length, at))
        return "".join(self._parts), tuple(self._pieces)


def file_offset(pieces: Pieces, offset: int) -> int:
    """The offset in the file of an offset in the text."""
    start, at = pieces[max(0, bisect_right(pieces, offset, key=lambda piece: piece[0]) - 1)]
    return at + offset - start


def text_offset(pieces: Pieces, at: int) -> int:
    """The first offset in the text that comes from `at` or beyond it in the file."""
    index = bisect_left(pieces, at, key=lambda piece: piece[1])
    if index == 0 or (index < len(pieces) and pieces[index][1] == at):
        return pieces[index][0]
    start, begins = pieces[index - 1]
    beyond = start + at - begins
    return min(beyond, pieces[index][0]) if index < len(pieces) else beyond


def runs(pieces: Pieces, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The unbroken runs of `start:end` of a text: start, end, and the offset in the file."""
    index = max(0, bisect_right(pieces, start, key=lambda piece: piece[0]) - 1)
    while start < end:
        stop = pieces[index + 1][0] if index + 1 < len(pieces) else end
        stop = min(stop, end)
        if stop > start:
            yield start, stop, file_offset(pieces, start)
        start = max(start, stop)
        index += 1
