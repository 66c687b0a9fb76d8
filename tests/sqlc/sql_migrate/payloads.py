"""Types of an application."""

from typing import NewType

from msgspec import Struct

Owner = NewType("Owner", str)


class Payload(Struct):
    """What a row carries."""

    size: int
