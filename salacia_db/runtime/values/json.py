"""JSON on its way from the driver: decoded at once, or left for the code that knows its type."""

from collections.abc import Callable
from typing import Any, get_args

import msgspec

# Their oids never change, so that no connection need look them up.
JSON_OID = 114
JSONB_OID = 3802
DECODE_ANY = msgspec.json.Decoder().decode
# A copy of so few bytes costs less than a view of them.
_SHORT = 8192
_HARMLESS = ("Expected `", "Object missing required field `")


class JsonReader:
    """How one connection hands over json and jsonb: as what `decode` makes of the text.

    That is what the statement which runs says (`Statement.decode`), and `DECODE_ANY` for
    everybody's SQL.
    """

    __slots__ = ("decode",)

    def __init__(self) -> None:
        self.decode: Callable[[Any], Any] = DECODE_ANY

    def json(self, data: bytes) -> Any:
        """The value of json's binary form, which is its text."""
        return self.decode(data)

    def jsonb(self, data: bytes) -> Any:
        """The value of jsonb's binary form: a version byte, then the text."""
        return self.decode(data[1:] if len(data) < _SHORT else memoryview(data)[1:])


def json_reader(type_: Any) -> Callable[[Any], Any]:
    """What decodes JSON's text into the type; for `bytes` it stays as it is."""
    if type_ is bytes or type_ is msgspec.Raw:
        reader: Callable[[Any], Any] = type_
        return reader
    return DECODE_ANY if type_ is Any else msgspec.json.Decoder(type_).decode


def not_json_of(type_: Any, error: msgspec.DecodeError) -> str:
    """What a text is that couldn't be decoded into the type, without the value."""
    if type_ is Any or not isinstance(error, msgspec.ValidationError):
        return "JSON that Python can't hold, as a number beyond every float; cast it to text"
    name = type_.__name__ if isinstance(type_, type) and not get_args(type_) else str(type_)
    told, _, place = str(error).partition(" - at `")
    # Other messages may show the value.
    told = f": {told}" if told.startswith(_HARMLESS) else ""
    at = f", at `{place}" if place else ""
    what = f"JSON that is no {name}{at}{told}; mend the value, or its type"
    return what + " under [tool.salacia.types] or `-- as`"
