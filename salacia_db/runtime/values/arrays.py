"""Arrays of several dimensions: PostgreSQL's types don't tell how many, so each value is looked at.

An array without elements has no dimensions, and fits any number of them.
"""

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any, TypeVar

from salacia_db.runtime.asked import asked, unreadable
from salacia_db.runtime.errors import InvalidArgument

T = TypeVar("T")
Each = Callable[[Any], Any]


def read_array(type_: type[T], dimensions: int, value: Any, each: Each | None = None) -> T:
    """The driver's nested lists as `type_`, with `each` element converted.

    Raises `InvalidValue` where the array has another number of dimensions.
    """
    if not _fits(value, dimensions):
        what = f"an array whose dimensions are not those of {type_}"
        raise unreadable(what, value=value, sqlstate="2202E")
    found: T = value if each is None else _mapped(value, dimensions, each)
    return found


def write_array(dimensions: int, value: Any, each: Each | None = None) -> Any:
    """Nested sequences as the driver takes them, with `each` element converted.

    Raises `InvalidArgument` where they are nested otherwise.
    """
    if not _fits(value, dimensions):
        name = asked()
        raise InvalidArgument(
            ("" if name is None else f"{name}: ")
            + f"an argument is not nested as an array of {dimensions} dimensions; nothing was sent",
            parameter="",
            expected=f"{dimensions} dimensions",
        )
    # Of a tuple within a list the driver would make a composite.
    return _mapped(value, dimensions, each or (lambda element: element))


def _fits(value: Any, dimensions: int) -> bool:
    """Whether the value nests so deep, and its parts alike."""
    if dimensions == 0:
        return type(value) is not list
    if not isinstance(value, Sequence) or isinstance(value, str):
        return False
    return all(map(_fits, value, repeat(dimensions - 1)))  # pyright: ignore[reportUnknownArgumentType]


def _mapped(value: Any, dimensions: int, each: Each) -> Any:
    if dimensions == 0:
        return each(value)
    return [_mapped(part, dimensions - 1, each) for part in value]
