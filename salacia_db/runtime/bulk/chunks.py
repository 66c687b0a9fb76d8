"""Chunks: the rows of a bulk call, taken from any iterable a part at a time."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from itertools import islice
from typing import Any, TypeVar

from salacia_db.runtime.bulk.given import Rows
from salacia_db.runtime.bulk.taking import taken
from salacia_db.runtime.statement import Row

T = TypeVar("T")

# So many rows travel at once, or fewer where they are large.
ROWS = 1000
BYTES = 4 * 1024 * 1024

_SMALL = frozenset((int, float, bool, type(None)))
_TEXTS = frozenset((str, bytes, type(None)))
_LONG: tuple[type[Any], ...] = (str, bytes, bytearray)
_PAIRS: tuple[type[Any], ...] = (dict,)
_LISTS: tuple[type[Any], ...] = (list, tuple)


async def chunks(
    source: Rows[Any], take: Callable[[Any], Row], name: str, start: int
) -> AsyncIterator[tuple[list[Row], int, bool]]:
    """The rows in lists, none of which is empty; their weight, and whether the list is the last.

    `name` is the statement's, `start` the place of the first row in the caller's list.
    """
    chunk: list[Row] = []
    size = 0
    async for items in _pieces(source):
        if len(chunk) >= ROWS or size >= BYTES:
            yield chunk, size, False
            chunk, size = [], 0
        piece = taken(items, take, name, start)
        start += len(piece)
        chunk += piece
        size += sum(map(_together, zip(*piece, strict=True)))
    if chunk:
        yield chunk, size, True


async def _pieces(source: Rows[T]) -> AsyncIterator[list[T]]:
    """The items, a few at a time where that is cheaper: a step of this costs as much as a row."""
    if isinstance(source, AsyncIterable):
        async for item in source:
            yield [item]
    else:
        items = iter(source)
        while piece := list(islice(items, max(1, ROWS // 100))):
            yield piece


async def each(source: Rows[Any]) -> AsyncIterator[Any]:
    """The items, one by one."""
    if isinstance(source, AsyncIterable):
        async for item in source:
            yield item
    else:
        for item in source:
            yield item


def _together(values: Sequence[Any]) -> int:
    """The weight of all values; mostly they are of one type, which is cheaper than one by one."""
    types = set(map(type, values))
    if types <= _SMALL:
        return 8 * len(values)
    if types <= _TEXTS:
        return sum([len(value) for value in values if value])
    return sum(map(weight, values))


def weight(value: Any) -> int:
    """About how many bytes the value takes, where it may take many."""
    if isinstance(value, _LONG):
        return len(value)
    if isinstance(value, _PAIRS):
        return sum(map(weight, value)) + sum(map(weight, value.values()))
    if isinstance(value, _LISTS):
        return _together(value)
    return 8
