"""Cursors: a row's place in the order of a query, as an opaque text.

A cursor is MessagePack in URL-safe base64: a version, a digest of what it belongs to, the values of
the keys, and a checksum of all that. It tells of the row's keys to whoever takes it apart, and lets
them choose others; it gives access to nothing that the query doesn't give.
"""

import base64
import binascii
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec

from salacia_db.runtime.errors import InvalidCursor

_VERSION = 1
_CHECKSUM = 4  # bytes
_DIGEST = 8  # bytes
_LONGEST = 8192  # characters


class _Content(msgspec.Struct, frozen=True, array_like=True):
    version: int
    digest: bytes
    inclusive: bool
    keys: list[bool | int | float | str | tuple[str, Any] | None]


# What needs a letter to be told from others.
_READ: dict[str, Callable[[Any], object]] = {
    "D": datetime.fromisoformat,
    "d": date.fromisoformat,
    "t": time.fromisoformat,
    "n": Decimal,
    "b": bytes,
    "u": UUID,
    "i": lambda parts: timedelta(*parts),
}
_WRITE: tuple[tuple[type, str, Callable[[Any], object]], ...] = (
    (datetime, "D", datetime.isoformat),
    (date, "d", date.isoformat),
    (time, "t", time.isoformat),
    (Decimal, "n", str),
    (bytes, "b", bytes),
    (UUID, "u", str),
    (timedelta, "i", lambda value: [value.days, value.seconds, value.microseconds]),
)


def digest(*parts: object) -> bytes:
    """What a cursor belongs to, in short: equal for equal parts, in another process, too."""
    try:
        text = msgspec.msgpack.encode(parts, enc_hook=repr)
    except (ValueError, OverflowError):
        # What MessagePack can't hold, as a huge integer: whether the server takes it is its affair.
        text = repr(parts).encode("utf-8", "backslashreplace")
    return blake2b(text, digest_size=_DIGEST).digest()


def encode(belongs: bytes, keys: tuple[Any, ...], *, inclusive: bool) -> str:
    """The cursor of a row with these keys, as the driver gave them."""
    content = _Content(_VERSION, belongs, inclusive, [_written(key) for key in keys])
    data = msgspec.msgpack.encode(content)
    return base64.urlsafe_b64encode(data + _checksum(data)).rstrip(b"=").decode()


def decode(
    cursor: object, belongs: bytes, name: str, parameter: str
) -> tuple[tuple[Any, ...], bool]:
    """The keys of a cursor, and whether its own row belongs to the page.

    Raises `InvalidCursor` where it is damaged or belongs to something else.
    """
    damaged = InvalidCursor(f"{name}: `{parameter}` is no cursor", parameter=parameter)
    if not isinstance(cursor, str) or len(cursor) > _LONGEST:
        raise damaged
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        content, checksum = data[:-_CHECKSUM], data[-_CHECKSUM:]
        if checksum != _checksum(content):
            raise damaged
        found = msgspec.msgpack.decode(content, type=_Content)
        keys = tuple(_READ[k[0]](k[1]) if isinstance(k, tuple) else k for k in found.keys)
    except (ValueError, TypeError, ArithmeticError, KeyError, binascii.Error, RecursionError):
        raise damaged from None
    if found.version != _VERSION or found.digest != belongs:
        raise InvalidCursor(
            f"{name}: `{parameter}` is a cursor of another query, another order or another filter",
            parameter=parameter,
        )
    return keys, found.inclusive


def _checksum(data: bytes) -> bytes:
    return blake2b(data, digest_size=_CHECKSUM).digest()


def _written(value: Any) -> Any:
    for kind, letter, write in _WRITE:
        if isinstance(value, kind):
            return letter, write(value)
    return value
