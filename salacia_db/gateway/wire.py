"""Structs as the gateway's JSON: the same fields, with names in camelCase."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import astuple, fields


@cache
def camel_class(kind: type[Struct]) -> type[Struct]:
    """The struct of the same name and fields whose names are in camelCase in JSON."""
    return msgspec.defstruct(
        kind.__name__,
        [(field.name, field.type) for field in fields(kind)],
        frozen=True,
        rename="camel",
        namespace={"__doc__": kind.__doc__},
    )


def camel(row: Struct) -> Struct:
    """The row as JSON is to have it."""
    return camel_class(type(row))(*astuple(row))


def camels(rows: Sequence[Struct]) -> list[Any]:
    """The same for many."""
    return [camel(row) for row in rows]
