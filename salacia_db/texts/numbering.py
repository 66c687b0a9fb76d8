"""Items of a text: strings, and the indexes of the values that stand between them."""

from collections.abc import Iterable
from typing import TypeAlias

Item: TypeAlias = str | int


def numbered(items: Iterable[Item]) -> tuple[str, tuple[int, ...]]:
    """The text with `$1`, `$2` … in place of indexes, and the index of each of them in order."""
    numbers: dict[int, int] = {}
    text: list[str] = []
    for item in items:
        if isinstance(item, int):
            item = f"${numbers.setdefault(item, len(numbers) + 1)}"
        text.append(item)
    return "".join(text), tuple(numbers)
