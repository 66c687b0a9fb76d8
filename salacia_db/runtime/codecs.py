"""Codecs: json and jsonb between the wire's bytes and Python values, by msgspec."""

from typing import Any

import msgspec

# Their oids never change, so that no connection need look them up.
_JSON_OID = 114
_JSONB_OID = 3802

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def install_codecs(settings: Any) -> None:
    """Sets the codecs on a new connection's settings (`Connection.get_settings()`).

    They are binary: within composites and COPY, asyncpg takes no other.
    """
    for oid, name, encode, decode in (
        (_JSON_OID, "json", _encode, _decode),
        (_JSONB_OID, "jsonb", encode_jsonb, decode_jsonb),
    ):
        settings.add_python_codec(oid, name, "pg_catalog", [], "scalar", encode, decode, "binary")


def encode_jsonb(value: Any) -> bytes:
    """jsonb's binary form: a version byte, then the text. Structs and `msgspec.Raw` are taken."""
    return b"\x01" + _encode(value)


def decode_jsonb(data: bytes) -> Any:
    """The value of jsonb's binary form."""
    return _decode(memoryview(data)[1:])
