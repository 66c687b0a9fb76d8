"""Delta debugging: the least of a text or a list for which a failure stays."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
_TOKEN = re.compile(r"'(?:[^']|'')*'|\$\d+|\w+|::|[<>=!@|&?#*+~-]+|\S")


def fewer(items: tuple[Item, ...], fails: Callable[[tuple[Item, ...]], bool]) -> tuple[Item, ...]:
    """Items left out, many at once to begin with, as long as it still fails."""
    size = len(items)
    while size := size // 2:
        start = 0
        while start < len(items):
            rest = items[:start] + items[start + size :]
            if fails(rest):
                items = rest
            else:
                start += size
    return items


def shorter(sql: str, fails: Callable[[str], bool]) -> str:
    """Parts of the text left out, long ones first, as long as it still fails.

    A part is any run of tokens whose brackets match; most of what remains is no SQL, and doesn't
    fail. Instead of a bracket what is inside it is tried, or NULL.
    """
    tokens, before = _TOKEN.findall(sql), 0
    while len(tokens) != before:
        before = len(tokens)
        for size in _sizes(before):
            start = 0
            while start + size <= len(tokens):
                rest = next((r for r in _without(tokens, start, size) if fails(_joined(r))), None)
                start += rest is None
                tokens = rest or tokens
    return _joined(tokens)


def _sizes(length: int) -> list[int]:
    return sorted({*range(1, 9), *(length * n // 8 for n in range(1, 8))} - {0}, reverse=True)


def _without(tokens: list[str], start: int, size: int) -> Iterator[list[str]]:
    """The tokens without some of them, if that leaves brackets matched."""
    end = start + size
    depths = _depths(tokens[start:end])
    if min(depths) < 0 or depths[-1]:
        return
    yield tokens[:start] + tokens[end:]
    if tokens[start] in "([" and tokens[end - 1] in ")]" and 0 not in depths[1:-1]:
        yield tokens[:start] + tokens[start + 1 : end - 1] + tokens[end:]
        if size > 3:
            yield [*tokens[:start], "null", *tokens[end:]]


def _depths(tokens: Sequence[str]) -> list[int]:
    """The depth of brackets before each token, and after the last."""
    depths = [0]
    for token in tokens:
        depths.append(depths[-1] + (token in "([") - (token in ")]"))
    return depths


def _joined(tokens: Sequence[str]) -> str:
    text = " ".join(tokens)
    return re.sub(r" (?=[,.)\]\[])|(?<=[.(\[]) | ?(?=::)|(?<=::) ", "", text)
