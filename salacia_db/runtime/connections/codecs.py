"""Codecs: the types whose values asyncpg alone would not decode, or not without loss."""

from datetime import datetime, time, timedelta, timezone
from typing import Any

import msgspec

from salacia_db.runtime.values.interval import decode_interval, encode_interval
from salacia_db.runtime.values.json import JSON_OID, JSONB_OID, JsonReader

# Their oids never change, so that no connection need look them up.
_INTERVAL_OID = 1186
_TIMETZ_OID = 1266
_PG_LSN_OID = 3220

_encode = msgspec.json.Encoder().encode
_MIDNIGHT = datetime(1, 1, 1)
_DAY = 86_400_000_000  # microseconds


def install_codecs(settings: Any) -> JsonReader:
    """Sets the codecs on a new connection's settings (`Connection.get_settings()`).

    They are binary: within composites and COPY, asyncpg takes no other. What is returned says how
    JSON is read from then on.
    """
    reader = JsonReader()
    for oid, name, encode, decode, form in (
        (JSON_OID, "json", _encode, reader.json, "binary"),
        (JSONB_OID, "jsonb", encode_jsonb, reader.jsonb, "binary"),
        (_PG_LSN_OID, "pg_lsn", encode_lsn, decode_lsn, "binary"),
        (_INTERVAL_OID, "interval", encode_interval, decode_interval, "tuple"),
        (_TIMETZ_OID, "timetz", encode_timetz, decode_timetz, "tuple"),
    ):
        settings.add_python_codec(oid, name, "pg_catalog", [], "scalar", encode, decode, form)
    return reader


def encode_jsonb(value: Any) -> bytes:
    """jsonb's binary form: a version byte, then the text. Structs and `msgspec.Raw` are taken."""
    return b"\x01" + _encode(value)


def as_json(value: Any) -> msgspec.Raw:
    """A value as JSON that is taken for one, even if it is a list within an array."""
    return msgspec.Raw(_encode(value))


def encode_lsn(value: int) -> bytes:
    """A place in the log, of which asyncpg alone takes only the lower half."""
    return value.to_bytes(8, "big")


def decode_lsn(data: bytes) -> int:
    """The place as a number."""
    return int.from_bytes(data, "big")


def encode_timetz(value: time) -> tuple[int, int]:
    """timetz's binary form: microseconds, and seconds west of Greenwich."""
    offset = value.utcoffset()
    if offset is None:
        raise ValueError("a time without a time zone is no timetz: give it a tzinfo")
    moment = timedelta(
        hours=value.hour,
        minutes=value.minute,
        seconds=value.second,
        microseconds=value.microsecond,
    )
    return moment // timedelta(microseconds=1), -offset // timedelta(seconds=1)


def decode_timetz(parts: tuple[int, int]) -> time:
    """The time of timetz's binary form; asyncpg alone drops the seconds of its offset."""
    moment, west = parts
    if moment >= _DAY:
        raise ValueError("Python has no time 24:00; cast it to text, or to interval")
    zone = timezone(timedelta(seconds=-west))
    return (_MIDNIGHT + timedelta(microseconds=moment)).time().replace(tzinfo=zone)
