"""Values that generated code can't turn into what the driver takes: which argument it was.

Nothing is noted on the way in, where it would cost each call something: it is read from the error.
"""

import dis
from collections.abc import Collection, Iterator
from types import CodeType, TracebackType
from typing import Any, NoReturn, Protocol, TypeAlias, cast

from salacia_db.runtime.connections.failures import kind
from salacia_db.runtime.errors import InvalidArgument, SalaciaError

_Place: TypeAlias = tuple[int, int]
_Span: TypeAlias = tuple[_Place, _Place]


class _Named(Protocol):
    name: str


def refuse(statement: _Named, error: Exception) -> NoReturn:
    """Raises `InvalidArgument` for what the arguments of a method have raised; ours as they are.

    Called where the method handles the error.
    """
    place = error.__traceback__
    assert place is not None
    code, values = place.tb_frame.f_code, place.tb_frame.f_locals
    arguments = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    parameter = culprit(place, arguments)
    if isinstance(error, SalaciaError):
        raise _named(error, parameter)
    group: object = values["self"]
    types: dict[str, Any] = getattr(getattr(type(group), code.co_name), "__annotations__", {})
    failure = misfit(statement.name, error, parameter, values.get(parameter or ""), types)
    _empty(error)
    raise failure


def misfit(
    name: str,
    error: Exception,
    parameter: str | None,
    value: Any,
    types: dict[str, Any],
    *,
    index: int | None = None,
) -> InvalidArgument:
    """The error for a parameter's value whose conversion has raised; the value is not shown.

    `types` are those of all parameters, `index` is the place of the row in the caller's list.
    """
    type_ = types.get(parameter or "")
    expected = "its type" if type_ is None else getattr(type_, "__name__", str(type_))
    argument = "an argument" if parameter is None else f"argument {parameter}"
    if not isinstance(error, AttributeError):
        what = f"{argument} can't be converted: that has raised {type(error).__name__}"
    elif parameter is not None and error.obj is value:
        what = f"{argument} is {kind(value)} that doesn't fit {expected}"
    else:
        what = f"{argument} holds a value that doesn't fit {expected}"
    what += "" if index is None else f" (row {index} of the list)"
    whole = "" if index is None else "rows"
    refusal = InvalidArgument(f"{name}: {what}", parameter=parameter or whole, expected=expected)
    refusal.index = index
    # A converter's own error says why; Python's own says nothing more.
    refusal.__cause__ = None if isinstance(error, AttributeError) else error
    return refusal


def culprit(place: TracebackType, names: Collection[str], *, of_row: bool = False) -> str | None:
    """The name that the expression reads which has raised; None where it isn't known.

    Of a row, `names` are its attributes.
    """
    reads = list(_reads(place.tb_frame.f_code))
    # An instruction may be followed by cells of its own, in which it then is.
    failed = [span for at, span, _ in reads if at <= place.tb_lasti][-1:]
    # From the expression itself to what it is a part of.
    around = {span for _, span, _ in reads if failed and _within(failed[0], span)}
    for outer in sorted(around, key=_from_inside):
        found = {
            name
            for _, span, read in reads
            if _within(span, outer)
            for name, is_attribute in read
            if name in names and is_attribute == of_row
        }
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _within(inner: _Span, outer: _Span) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _from_inside(span: _Span) -> tuple[int, int, _Place]:
    return -span[0][0], -span[0][1], span[1]


def _reads(code: CodeType) -> Iterator[tuple[int, _Span, list[tuple[str, bool]]]]:
    """Of each instruction its offset, its place in the source, and the names that it reads.

    With each name, whether it is an attribute of the first argument.
    """
    on_first = False
    for each in dis.get_instructions(code):
        read: list[tuple[str, bool]] = []
        if each.opname.startswith(("LOAD_FAST", "LOAD_DEREF")):
            read = [(name, False) for name in _names(each.argval)]
        elif each.opname.startswith("LOAD_ATTR") and on_first:
            read = [(each.argval, True)]
        on_first = bool(read) and read[-1] == (code.co_varnames[0], False)
        at = each.positions
        if at is None or None in at:
            continue
        places = cast("tuple[int, int, int, int]", tuple(at))
        yield each.offset, ((places[0], places[2]), (places[1], places[3])), read


def _names(argument: Any) -> tuple[str, ...]:
    """Newer interpreters read two at once."""
    return cast("tuple[str, ...]", argument if isinstance(argument, tuple) else (argument,))


def _named(error: SalaciaError, parameter: str | None) -> SalaciaError:
    if isinstance(error, InvalidArgument) and not error.parameter and parameter is not None:
        error.parameter = parameter
    return error


def _empty(error: Exception) -> None:
    """Python's own error, which becomes the context of ours, lets go of the value."""
    if isinstance(error, AttributeError):
        error.obj = None
        error.__traceback__ = None
