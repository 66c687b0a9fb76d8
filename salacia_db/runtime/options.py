"""How a transaction begins: isolation, access mode and settings as the text that is sent."""

import re
from collections.abc import Mapping
from typing import Literal

from salacia_db.runtime.errors import UsageError

Isolation = Literal["read committed", "repeatable read", "serializable"]
Setting = str | int | float | bool

_ISOLATIONS = ("read committed", "repeatable read", "serializable")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*")


def begin_sql(
    isolation: Isolation | None,
    read_only: bool,
    deferrable: bool,
    settings: Mapping[str, Setting] | None,
) -> str:
    """BEGIN, and the transaction-local settings behind it: one round trip.

    Raises `UsageError` for what the server wouldn't take, or would take for something else.
    """
    begin = "BEGIN"
    if isolation is not None:
        if isolation not in _ISOLATIONS:
            raise UsageError(
                f"isolation is {isolation!r}: it is one of {', '.join(map(repr, _ISOLATIONS))}"
            )
        begin += f" ISOLATION LEVEL {isolation.upper()}"
    if read_only:
        begin += " READ ONLY"
    if deferrable:
        begin += " DEFERRABLE"
    if not settings:
        return begin
    calls = [
        f"set_config({quote(_checked(name))}, {quote(_text(value))}, true)"
        for name, value in settings.items()
    ]
    return f"{begin}; SELECT {', '.join(calls)}"


def quote(text: str) -> str:
    """The text as a literal, whatever standard_conforming_strings says."""
    if "\0" in text:
        raise UsageError("a setting's value must not contain a NUL character")
    doubled = text.replace("'", "''")
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in text else f"'{doubled}'"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a setting; write for example 'app.tenant'")
    return name


def _text(value: Setting) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)
