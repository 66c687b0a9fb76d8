"""Arrays as text, since a list of arrays of several lengths has no binary form.

Only where the text is sure to be read as the value that the driver would have sent.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any
from uuid import UUID

from asyncpg.pgproto import pgproto

_KINDS: dict[str, frozenset[type[Any]]] = {
    "int": frozenset((int,)),
    "bool": frozenset((bool,)),
    "text": frozenset((str,)),
    "uuid": frozenset((UUID, pgproto.UUID)),
}
_NULL = type(None)
_LISTS = frozenset((list, tuple, _NULL))


def array_texts(arrays: Sequence[Any], kind: str) -> list[str | None] | None:
    """The text of each array of `kind`; None where one isn't exactly that, of one dimension."""
    if not _LISTS.issuperset(map(type, arrays)):
        return None
    types = set(map(type, chain.from_iterable(filter(None, arrays))))
    if not types - {_NULL} <= _KINDS[kind]:
        return None
    write = _write_text if kind == "text" else _write_plain
    try:
        return [None if array is None else write(array, _NULL in types) for array in arrays]
    except ValueError:
        # Of a number without end, or a text that PostgreSQL has no place for.
        return None


def _write_plain(array: Sequence[Any], nulls: bool) -> str:
    if nulls:
        return "{" + ",".join("NULL" if each is None else str(each) for each in array) + "}"
    return "{" + ",".join(map(str, array)) + "}"


def _write_text(array: Sequence[Any], nulls: bool) -> str:
    if not array:
        return "{}"
    if nulls:
        return (
            "{" + ",".join("NULL" if each is None else _quoted_alone(each) for each in array) + "}"
        )
    # All at once: a text can't hold the character that parts them.
    joined = "\0".join(array)
    if joined.count("\0") != len(array) - 1:
        raise ValueError
    return _quoted(joined).replace("\0", '","').join("{}")


def _quoted_alone(text: str) -> str:
    if "\0" in text:
        raise ValueError
    return _quoted(text)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
