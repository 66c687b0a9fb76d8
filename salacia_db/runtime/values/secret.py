"""Secrets: values that show in no repr, log line or error."""

from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")


class Secret(Generic[T]):
    """A value that must be asked for: `secret.reveal()`. Equal where the values are equal."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """The value itself."""
        return self._value

    def __repr__(self) -> str:
        return "**********"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("**********", spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == cast("Secret[object]", other)._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))


def reveal(value: Any) -> Any:
    """The value of a secret; any other value as it is."""
    return cast("Any", value).reveal() if isinstance(value, Secret) else value
