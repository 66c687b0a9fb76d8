"""What calls for many rows take and give."""

import os
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import BinaryIO, TypeAlias, TypeVar

from msgspec import Struct

T = TypeVar("T")

Rows: TypeAlias = Iterable[T] | AsyncIterable[T]
"""What `:bulk` and `:copy` take: a list, a generator, an async generator."""

Output: TypeAlias = str | os.PathLike[str] | BinaryIO | Callable[[bytes], Awaitable[object]]
"""Where COPY puts what it reads: a path, a binary file, or an async function that is given bytes.

A path is replaced once all is there, and left as it was where anything fails.
"""


class CopyTarget(Struct, frozen=True):
    """Where COPY goes: a table and the columns of its rows, in their order."""

    table: str
    schema: str
    columns: tuple[str, ...]
