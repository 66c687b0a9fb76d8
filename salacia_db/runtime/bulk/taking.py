"""A caller's rows, taken apart into arguments; which of them can't be, and why."""

from collections.abc import Callable, Sequence
from typing import Any

from salacia_db.runtime.connections.failures import kind
from salacia_db.runtime.errors import InvalidArgument, SalaciaError
from salacia_db.runtime.statement import Row


def taken(items: Sequence[Any], take: Callable[[Any], Row], name: str, start: int) -> list[Row]:
    """The arguments of each item. `start` is the place of the first in the caller's list.

    Raises `InvalidArgument`, with the index of the row whose values aren't of their types.
    """
    try:
        return [take(item) for item in items]
    except Exception:  # noqa: S110 - which of them it was is seen below
        pass
    return [_taken(item, take, name, start + place) for place, item in enumerate(items)]


def _taken(item: Any, take: Callable[[Any], Row], name: str, index: int) -> Row:
    try:
        return take(item)
    except Exception as error:
        refusal = refused(item, error, name, index)
    # Not in the handler: Python's error, which holds the value, isn't to be context.
    raise refusal


def refused(item: Any, error: Exception, name: str, index: int) -> SalaciaError:
    """The error to raise for what taking an item apart has raised; ours are right as they are."""
    if isinstance(error, SalaciaError):
        return error
    refusal = _refusal(item, error, name, index)
    if not isinstance(error, AttributeError):
        refusal.__cause__ = error  # a converter's own says why
    return refusal


def _refusal(item: Any, error: Exception, name: str, index: int) -> InvalidArgument:
    parameter, expected = "rows", "its type"
    what = f"a converter has raised {type(error).__name__}"
    if isinstance(error, AttributeError):
        what = "it holds a value that doesn't fit its type"
        if error.obj is item:
            what = f"it is {kind(item)}, without {error.name}"
        for field in getattr(item, "__struct_fields__", ()):
            if getattr(item, field) is error.obj:
                parameter, type_ = field, type(item).__annotations__.get(field)
                expected = getattr(type_, "__name__", str(type_))
                what = f"argument {field} is {kind(error.obj)} that doesn't fit {expected}"
    refusal = InvalidArgument(
        f"{name}: {what} (row {index} of the list)", parameter=parameter, expected=expected
    )
    refusal.index = index
    return refusal
