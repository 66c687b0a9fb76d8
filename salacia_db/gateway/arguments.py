"""What the services ask of their arguments before the database is asked."""

from datetime import datetime
from typing import Annotated, TypeAlias
from uuid import UUID

from msgspec import Meta

from salacia_db.gateway.errors import invalid

Aware: TypeAlias = Annotated[datetime, Meta(tz=True)]
"""A time with its time zone."""

PAGE_LIMIT = 100
"""The most rows of a page."""


def identifier(value: UUID | str, parameter: str = "id") -> UUID:
    """An id that may have come as text. Raises `InvalidArgument` for what is no UUID."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise invalid(parameter, "a UUID") from None


def page_limit(value: int, parameter: str = "limit") -> int:
    """A number of rows, 1 to 100. Raises `InvalidArgument`."""
    if not _is_int(value) or not 1 <= value <= PAGE_LIMIT:
        raise invalid(parameter, f"a whole number from 1 to {PAGE_LIMIT}")
    return value


def at_least(least: int, value: int, parameter: str) -> int:
    """A number that is not less than another. Raises `InvalidArgument`."""
    if not _is_int(value) or value < least:
        raise invalid(parameter, f"a whole number, {least} or more")
    return value


def moment(value: datetime | None, parameter: str) -> None:
    """A time with its time zone, or None. Raises `InvalidArgument`."""
    # Nothing but a type checker has looked at it.
    aware = isinstance(value, datetime) and value.utcoffset() is not None
    if value is not None and not aware:
        raise invalid(parameter, "a time with a time zone")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
