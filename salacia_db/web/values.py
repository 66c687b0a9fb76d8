"""Structs as JSON and as JSON Schema, with the types that msgspec doesn't know."""

from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from typing import Any, get_args, get_origin

import msgspec

from salacia_db.runtime import Secret

_ADDRESSES = {
    IPv4Address: "ipv4",
    IPv6Address: "ipv6",
    IPv4Interface: None,
    IPv6Interface: None,
    IPv4Network: None,
    IPv6Network: None,
}


def is_secret(type_: Any) -> bool:
    """Whether this is `Secret`, or `Secret[T]`."""
    return Secret in (type_, get_origin(type_))


def encode_other(value: Any) -> Any:
    """What JSON has for a value that msgspec doesn't know: an `enc_hook`.

    A secret is its mask. Raises NotImplementedError for what has no form in JSON.
    """
    if type(value) in (Secret, *_ADDRESSES):
        return str(value)
    raise NotImplementedError(f"{type(value).__qualname__} has no form in JSON")


def schema_of_other(type_: Any) -> dict[str, Any]:
    """The JSON Schema of what `encode_other` encodes: a `schema_hook`."""
    if is_secret(type_):
        return {"type": "string", "description": "a secret, masked"}
    if type_ in _ADDRESSES:
        form = _ADDRESSES[type_]
        return {"type": "string"} | ({"format": form} if form else {})
    raise NotImplementedError(f"{type_} has no form in JSON")


def decode_other(type_: Any, value: Any) -> Any:
    """A value of such a type from JSON: a `dec_hook`."""
    if is_secret(type_):
        (inner,) = get_args(type_) or (Any,)
        return Secret(msgspec.convert(value, inner))
    if type_ in _ADDRESSES:
        return type_(value)
    raise NotImplementedError(f"{type_} can't be read from JSON")


_encoder = msgspec.json.Encoder(enc_hook=encode_other)


def encode_json(value: Any) -> bytes:
    """JSON of structs, lists and dicts of them, straight to bytes. Secrets are masked."""
    return _encoder.encode(value)
