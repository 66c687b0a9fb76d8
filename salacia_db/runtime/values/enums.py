"""Labels of an application's enum, on their way from the driver."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar, cast

from salacia_db.runtime.asked import unreadable

E = TypeVar("E", bound=Enum)


class _Members(dict[Any, Enum]):
    """The members of an enum by their values, which is quicker than calling the enum."""

    def __init__(self, enum: type[Enum]) -> None:
        super().__init__((member.value, member) for member in enum)
        self._enum = enum

    def __missing__(self, value: object) -> Enum:
        try:
            return self._enum(value)  # which may have a rule for what it lacks
        except ValueError:
            pass
        raise unreadable(
            f"a label that {self._enum.__name__} lacks: it is newer than the application",
            value=value,
            sqlstate="22P02",
        )


_known: dict[type[Enum], _Members] = {}


def enum_members(enum: type[E]) -> Mapping[Any, E]:
    """The members by their values. Raises `InvalidValue`, which names the statement, for others."""
    members = _known.get(enum)
    if members is None:
        members = _known[enum] = _Members(enum)
    return cast("Mapping[Any, E]", members)
