"""Chunks: the rows of a bulk call, taken from any iterable a part at a time."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import Any, TypeAlias, TypeVar

from salacia_db.runtime.session import Row

T = TypeVar("T")

# So many rows travel at once, or fewer where they are large.
ROWS = 1000
BYTES = 4 * 1024 * 1024

_LONG: tuple[type[Any], ...] = (str, bytes, bytearray)
_PAIRS: tuple[type[Any], ...] = (dict,)
_LISTS: tuple[type[Any], ...] = (list, tuple)

Rows: TypeAlias = Iterable[T] | AsyncIterable[T]
"""What `:bulk` and `:copy` take: a list, a generator, an async generator."""


async def chunks(
    source: Rows[Any], take: Callable[[Any], Row]
) -> AsyncIterator[tuple[list[Row], bool]]:
    """The rows in lists, none of which is empty, and whether the list is the last one."""
    chunk: list[Row] = []
    size = 0
    async for item in each(source):
        if len(chunk) >= ROWS or size >= BYTES:
            yield chunk, False
            chunk, size = [], 0
        row = take(item)
        chunk.append(row)
        size += sum(map(weight, row))
    if chunk:
        yield chunk, True


async def each(source: Rows[Any]) -> AsyncIterator[Any]:
    """The items, one by one."""
    if isinstance(source, AsyncIterable):
        async for item in source:
            yield item
    else:
        for item in source:
            yield item


def weight(value: Any) -> int:
    """About how many bytes the value takes, where it may take many."""
    if isinstance(value, _LONG):
        return len(value)
    if isinstance(value, _PAIRS):
        return sum(map(weight, value)) + sum(map(weight, value.values()))
    if isinstance(value, _LISTS):
        return sum(map(weight, value))
    return 8
