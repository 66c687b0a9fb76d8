"""Rows as one text of JSON, where PostgreSQL is sure to read what the driver would have sent.

That is quicker for both sides than lists, and the only way for arrays of several lengths. What
the driver would refuse, or send as something else, has no text here.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from functools import cache
from itertools import chain, islice
from math import isfinite
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
from asyncpg.pgproto import pgproto

from salacia_db.runtime.statement import Kind

_encode = msgspec.json.Encoder().encode
_NULL = type(None)
_MINUTE = timedelta(minutes=1)
# Nearer to the ends a time zone leads out of Python's years, and the ends stand for infinity.
_EARLY, _LATE = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)


class Unfit(Exception):
    """A value isn't just what its column's type is in Python."""


def records(columns: Sequence[Sequence[Any]], kinds: Sequence[Kind]) -> msgspec.Raw | None:
    """An array of an object for each row, with the keys `p1`, `p2`; None where a value is unfit."""
    try:
        fitted = list(map(fit, columns, kinds))
        return msgspec.Raw(_encode(list(map(_record(len(kinds)), *fitted))))
    except (Unfit, OverflowError, UnicodeEncodeError):
        return None


@cache
def _record(width: int) -> type[msgspec.Struct]:
    return msgspec.defstruct("Record", [f"p{n}" for n in range(1, width + 1)], gc=False)


def fit(values: Sequence[Any], kind: Kind) -> Sequence[Any]:
    """The values as they are to be encoded. Raises `Unfit`."""
    types = set(map(type, values)) - {_NULL}
    if isinstance(kind, str):
        allowed, change = _SCALARS[kind]
        if not types <= allowed and not (kind == "label" and _labels(types - allowed)):
            raise Unfit
        return values if change is None else change(values)
    present = [value for value in values if value is not None]
    if isinstance(kind, tuple):
        if not types <= {list, tuple}:
            raise Unfit
        elements = list(chain.from_iterable(present))
        fitted = fit(elements, kind[0])
        if fitted is elements:
            return values
        each = iter(fitted)
        return [None if value is None else list(islice(each, len(value))) for value in values]
    if not types <= {tuple} or any(len(value) != len(kind) for value in present):
        raise Unfit
    attributes = map(fit, zip(*present, strict=True), kind.values())
    made = (dict(zip(kind, row, strict=True)) for row in zip(*attributes, strict=True))
    return [None if value is None else next(made) for value in values]


def _labels(types: Collection[type[Any]]) -> bool:
    return all(issubclass(type_, StrEnum) for type_ in types)


def _floats(values: Sequence[Any]) -> Sequence[Any]:
    """JSON has no number for what isn't finite; PostgreSQL reads its name."""
    if all(isfinite(value) for value in values if value is not None):
        return values
    return [value if value is None or isfinite(value) else str(value) for value in values]


def _dates(values: Sequence[Any]) -> Sequence[Any]:
    if not {date.min, date.max}.isdisjoint(values):
        raise Unfit
    return values


def _moments(values: Sequence[Any]) -> Sequence[Any]:
    if any(value.tzinfo is not None for value in values if value is not None):
        raise Unfit
    if not {datetime.min, datetime.max}.isdisjoint(values):
        raise Unfit
    return values


def _instants(values: Sequence[Any]) -> Sequence[Any]:
    present = [value for value in values if value is not None]
    if None in {value.tzinfo for value in present}:
        raise Unfit
    if present and not (min(present) > _EARLY and max(present) < _LATE):
        raise Unfit
    # The text has offsets of whole minutes. Zones that change were of others a century ago.
    fixed = {zone for zone in {value.tzinfo for value in present} if type(zone) is timezone}
    offsets: set[timedelta | None] = {zone.utcoffset(None) for zone in fixed}
    offsets |= {value.utcoffset() for value in present if value.tzinfo not in fixed}
    if any(offset is None or offset % _MINUTE for offset in offsets):
        raise Unfit
    return values


_Change: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]
_SCALARS: Mapping[str, tuple[frozenset[type[Any]], _Change | None]] = {
    "int": (frozenset((int,)), None),
    "bool": (frozenset((bool,)), None),
    "text": (frozenset((str,)), None),
    "label": (frozenset((str,)), None),
    "float": (frozenset((float, int)), _floats),
    "numeric": (frozenset((Decimal, int)), None),
    "uuid": (frozenset((UUID, pgproto.UUID)), None),
    "date": (frozenset((date,)), _dates),
    "timestamp": (frozenset((datetime,)), _moments),
    "timestamptz": (frozenset((datetime,)), _instants),
}
