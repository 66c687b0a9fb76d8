"""A caller's rows, taken apart into arguments; which of them can't be, and why."""

from collections.abc import Callable, Iterable
from typing import Any

from salacia_db.runtime.connections.failures import kind
from salacia_db.runtime.errors import InvalidArgument, SalaciaError
from salacia_db.runtime.misfit import culprit, misfit
from salacia_db.runtime.statement import Row


def taken(items: Iterable[Any], take: Callable[[Any], Row], name: str, start: int = 0) -> list[Row]:
    """The arguments of each item. `start` is the place of the first in the caller's list.

    Raises `InvalidArgument`, with the index of the row whose values aren't of their types.
    """
    items = list(items)
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
    place = error.__traceback__
    fields = getattr(item, "__struct_fields__", ())
    if isinstance(error, AttributeError) and error.obj is item:
        refusal = InvalidArgument(
            f"{name}: it is {kind(item)}, without {error.name} (row {index} of the list)",
            parameter="rows",
            expected="its type",
        )
        refusal.index = index
        return refusal
    # The first frame is that of the caller, who asked for the arguments.
    inner = None if place is None else place.tb_next
    parameter = None if inner is None else culprit(inner, fields, of_row=True)
    value = None if parameter is None else getattr(item, parameter)
    types = type(item).__annotations__ if fields else {}
    return misfit(name, error, parameter, value, types, index=index)
