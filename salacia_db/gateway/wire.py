"""Structs as the gateway's JSON: the same fields, with names in camelCase."""

from collections.abc import Callable
from functools import cache
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import astuple, fields


@cache
def camel_class(kind: type[Struct]) -> type[Struct]:
    """The struct of the same name and fields whose names are in camelCase in JSON."""
    return msgspec.defstruct(
        kind.__name__,
        [(field.name, _camel_type(field.type)) for field in fields(kind)],
        frozen=True,
        rename="camel",
        namespace={"__doc__": kind.__doc__},
    )


def camel_name(field: str) -> str:
    """A field's name as JSON has it."""
    first, *others = field.split("_")
    return first + "".join(map(str.capitalize, others))


def camel(row: Struct) -> Any:
    """The row as JSON is to have it, and the structs in its fields and lists."""
    return _maker(type(row))(row)


@cache
def _maker(kind: type[Struct]) -> Callable[[Struct], Any]:
    made = camel_class(kind)
    nested = [n for n, field in enumerate(fields(kind)) if _camel_type(field.type) != field.type]

    def plain(row: Struct) -> Any:
        return made(*astuple(row))

    def deep(row: Struct) -> Any:
        values = list(astuple(row))
        for n in nested:
            values[n] = _camel_value(values[n])
        return made(*values)

    return deep if nested else plain


def _camel_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_camel_value(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return camel(value) if isinstance(value, Struct) else value


def _camel_type(type_: Any) -> Any:
    if isinstance(type_, type) and issubclass(cast("type[Any]", type_), Struct):
        return camel_class(type_)
    origin, arguments = get_origin(type_), get_args(type_)
    if origin is list:
        return list[_camel_type(arguments[0])]  # type: ignore[misc]
    if origin in (Union, UnionType):
        return Union[tuple(map(_camel_type, arguments))]  # noqa: UP007
    return type_
