"""JSON decoded by generated code, where the rows of a statement hold JSON of several types."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from salacia_db.runtime.asked import unreadable
from salacia_db.runtime.values.json import not_json_of


def json_decoder(type_: Any) -> Callable[[bytes], Any]:
    """A function that decodes JSON's text straight into the type.

    It raises `InvalidValue`, which names the statement, where the text isn't that.
    """
    decode = msgspec.json.Decoder(type_).decode

    def decoded(data: bytes) -> Any:
        try:
            return decode(data)
        except msgspec.DecodeError as error:
            what = not_json_of(type_, error)
        # Raised here, where msgspec's error, which may show the value, is no longer the context.
        raise unreadable(what, sqlstate="22032", value=data)

    return decoded


decode_json = json_decoder(Any)


def decode_at(decode: Callable[[bytes], Any], values: Sequence[Any], *places: int) -> list[Any]:
    """The values, with the JSON at these places decoded."""
    found = list(values)
    for place in places:
        if found[place] is not None:
            found[place] = decode(found[place])
    return found
