"""Values that JSON doesn't have."""

from ipaddress import ip_address, ip_network
from typing import Any

import msgspec
import pytest

from salacia_db import Secret
from salacia_db.web import decode_other, encode_json, schema_of_other


class Host(msgspec.Struct):
    """A struct of what msgspec doesn't know."""

    key: Secret[str]
    address: Any


def test_a_secret_is_masked_and_an_address_is_its_text() -> None:
    host = Host(Secret("sesame"), ip_address("::1"))
    assert encode_json(host) == b'{"key":"**********","address":"::1"}'
    assert encode_json([ip_network("10.0.0.0/8")]) == b'["10.0.0.0/8"]'


def test_what_has_no_form_in_json_is_refused_by_name() -> None:
    with pytest.raises(NotImplementedError, match="object has no form in JSON"):
        encode_json(object())


def test_a_secret_and_an_address_are_read() -> None:
    kind = Secret[str]
    assert decode_other(kind, "sesame") == Secret("sesame")
    with pytest.raises(msgspec.ValidationError):
        decode_other(kind, 1)
    assert decode_other(type(ip_address("::1")), "::1") == ip_address("::1")


def test_each_has_a_schema() -> None:
    assert schema_of_other(Secret[str])["type"] == "string"
    assert schema_of_other(type(ip_address("::1"))) == {"type": "string", "format": "ipv6"}
    with pytest.raises(NotImplementedError):
        schema_of_other(object)
