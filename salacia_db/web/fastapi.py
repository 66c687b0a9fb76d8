"""FastAPI: structs as bodies, as responses and in OpenAPI, and the unit of work as a dependency."""

from typing import Annotated, Any, TypeAlias, TypeVar, cast, get_args, get_origin
from zlib import crc32

import msgspec
from fastapi import Body
from fastapi.requests import HTTPConnection
from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from salacia_db.web.middleware import current_unit
from salacia_db.web.starlette import StructResponse
from salacia_db.web.values import decode_other, encode_other, schema_of_other

__all__ = ["Json", "StructResponse", "unit_of_work"]

T = TypeVar("T")


def unit_of_work(request: HTTPConnection) -> Any:
    """The unit of work of this request: `Annotated[shop.UnitOfWork, Depends(unit_of_work)]`."""
    return current_unit(request)


class _Struct:
    """Tells pydantic, and with it FastAPI, what msgspec makes of a type."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        def convert(value: Any) -> Any:
            try:
                return msgspec.convert(value, source, dec_hook=decode_other)
            except msgspec.ValidationError as error:
                raise PydanticCustomError("struct", "{reason}", {"reason": str(error)}) from None

        def builtins(value: Any) -> Any:
            return msgspec.to_builtins(value, enc_hook=encode_other)

        described = _described(source)
        return core_schema.no_info_plain_validator_function(
            convert,
            json_schema_input_schema=described,
            serialization=core_schema.plain_serializer_function_ser_schema(
                builtins, return_schema=described
            ),
        )


def _described(type_: Any) -> CoreSchema:
    """What pydantic is to write of a type in a JSON Schema: a component of each struct.

    Structs within it are written in their place.
    """
    if get_origin(type_) is list:
        return core_schema.list_schema(_described(get_args(type_)[0]))
    (schema,), components = msgspec.json.schema_components([type_], schema_hook=schema_of_other)
    written = _inlined(schema, components)

    def write(_: Any, __: GetJsonSchemaHandler) -> JsonSchemaValue:
        return cast("JsonSchemaValue", written)

    name = type_.__name__ if isinstance(type_, type) else None
    # Two structs may share a name: what they are tells them apart.
    reference = f"{name}:{crc32(msgspec.json.encode(written))}" if name else None
    metadata = {"pydantic_js_functions": [write]}
    return core_schema.any_schema(ref=reference, metadata=metadata)


def _inlined(schema: Any, components: dict[str, Any], within: tuple[str, ...] = ()) -> Any:
    """A schema of msgspec's with its components in their places."""
    if isinstance(schema, list):
        return [_inlined(item, components, within) for item in cast("Any", schema)]
    if not isinstance(schema, dict):
        return schema
    fields = cast("dict[str, Any]", schema)
    target = fields.get("$ref")
    if not isinstance(target, str):
        return {key: _inlined(value, components, within) for key, value in fields.items()}
    name = target.rpartition("/")[2]
    if name in within:  # of a type that has itself within
        return {"type": "object", "title": name}
    return _inlined(components[name], components, (*within, name))


Json: TypeAlias = Annotated[T, _Struct(), Body()]
"""`Json[Book]` is a `Book`, read from the request's body, or written as the response's."""
