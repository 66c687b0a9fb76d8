"""What PostgreSQL can store of what comes from outside: a log must not fail for what it logs."""

from typing import Any, cast

import msgspec

_INT4_MAX = 2**31 - 1
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def text(value: str | None, longest: int | None = None) -> str | None:
    """The text without what no text column takes, cut where it is too long."""
    if value is None:
        return None
    clean = value.replace("\0", _REPLACEMENT)
    try:
        clean.encode()
    except UnicodeEncodeError:  # a lone surrogate
        clean = clean.encode("utf-8", "replace").decode()
    return clean[:longest]


def json(value: Any) -> Any:
    """The value as encoded JSON without what jsonb has no room for: NUL and lone surrogates.

    None stays None. Raises TypeError for what is no JSON.
    """
    if value is None:
        return None
    try:
        encoded = msgspec.json.encode(value)
    except UnicodeEncodeError:
        encoded = msgspec.json.encode(_clean(value))
    if rb"\u0000" in encoded:
        encoded = msgspec.json.encode(_clean(msgspec.json.decode(encoded)))
    return msgspec.Raw(encoded)


def number(value: object) -> int | None:
    """A count or a number of milliseconds, rounded; None for what is none, or beyond `int`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # NaN is in no range.
    return round(value) if 0 <= value <= _INT4_MAX else None


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {_clean(key): _clean(item) for key, item in fields.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in cast("list[Any]", value)]
    return value
