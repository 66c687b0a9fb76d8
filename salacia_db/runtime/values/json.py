"""JSON on its way from the driver: decoded at once, or left for the code that knows its type."""

from collections.abc import Callable, Sequence
from typing import Any, get_args

import msgspec

from salacia_db.runtime.asked import unreadable
from salacia_db.runtime.errors import InvalidValue

_decode = msgspec.json.Decoder().decode
# A copy of so few bytes costs less than a view of them.
_SHORT = 8192
_HARMLESS = ("Expected `", "Object missing required field `")


class JsonReader:
    """How one connection hands over json and jsonb.

    `encoded`: as the bytes of the text, which is what a statement with `json=True` is given, since
    only generated code knows the type of each value. Else, for everybody's SQL, decoded.
    """

    __slots__ = ("encoded",)

    def __init__(self) -> None:
        self.encoded = False

    def json(self, data: bytes) -> Any:
        """The value of json's binary form, which is its text."""
        return data if self.encoded else _decode(data)

    def jsonb(self, data: bytes) -> Any:
        """The value of jsonb's binary form: a version byte, then the text."""
        if self.encoded:
            return data[1:]
        return _decode(data[1:] if len(data) < _SHORT else memoryview(data)[1:])


def json_decoder(type_: Any) -> Callable[[bytes], Any]:
    """A function that decodes JSON's text straight into the type.

    It raises `InvalidValue`, which names the statement, where the text isn't that.
    """
    decode = msgspec.json.Decoder(type_).decode

    def decoded(data: bytes) -> Any:
        try:
            return decode(data)
        except msgspec.DecodeError as error:
            failure = _failure(type_, error)
        # Raised here, where msgspec's error, which may show the value, is no longer the context.
        raise failure

    return decoded


def _failure(type_: Any, error: msgspec.DecodeError) -> InvalidValue:
    if type_ is Any or not isinstance(error, msgspec.ValidationError):
        what = "JSON that Python can't hold, as a number beyond every float; cast it to text"
    else:
        name = type_.__name__ if isinstance(type_, type) and not get_args(type_) else str(type_)
        told, _, place = str(error).partition(" - at `")
        # Other messages may show the value.
        told = f": {told}" if told.startswith(_HARMLESS) else ""
        at = f", at `{place}" if place else ""
        what = f"JSON that is no {name}{at}{told}; mend the value, or its type"
        what += " under [tool.salacia.types] or `-- as`"
    return unreadable(what, sqlstate="22032")


decode_json = json_decoder(Any)


def decode_at(values: Sequence[Any], *places: int) -> list[Any]:
    """The values, with the JSON at these places decoded."""
    found = list(values)
    for place in places:
        if found[place] is not None:
            found[place] = decode_json(found[place])
    return found
