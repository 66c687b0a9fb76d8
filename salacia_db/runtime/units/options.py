"""How a transaction begins: isolation, access mode and settings as the text that is sent."""

from collections.abc import Mapping
from typing import Literal, TypedDict, cast

from msgspec import Struct

from salacia_db.config import SETTING_NAME
from salacia_db.runtime.errors import UsageError

Isolation = Literal["read committed", "repeatable read", "serializable"]
Setting = str | int | float | bool

ISOLATIONS: tuple[Isolation, ...] = ("read committed", "repeatable read", "serializable")
"""From the weakest to the strictest."""


class UnitOptions(TypedDict, total=False):
    """What `Database.unit_of_work` takes."""

    isolation: Isolation | None
    read_only: bool
    deferrable: bool
    settings: Mapping[str, Setting] | None
    defer_begin: bool


class Options(Struct, frozen=True):
    """How a unit of work wants its transaction. `settings` are local to it.

    `defer_begin`: reads that are proven to need no transaction run before it begins.
    """

    isolation: Isolation | None = None
    read_only: bool = False
    deferrable: bool = False
    settings: Mapping[str, Setting] = {}
    defer_begin: bool = False

    def __post_init__(self) -> None:
        """Raises `UsageError` for what the server wouldn't take as what it is meant to be."""
        if self.isolation is not None and self.isolation not in ISOLATIONS:
            raise UsageError(
                f"isolation is {self.isolation!r}: it is one of {', '.join(map(repr, ISOLATIONS))}"
            )
        for name, value in self.settings.items():
            if not SETTING_NAME.fullmatch(name):
                raise UsageError(f"{name!r} is no name of a setting; write it like 'app.tenant'")
            # Nothing but a type checker has looked; the text "None" could be somebody's name.
            if cast("object", value) is None:
                raise UsageError(f"the setting {name!r} is None: give its value, or leave it out")
        if self.defer_begin:
            self._check_defers()

    def _check_defers(self) -> None:
        """What a transaction alone has doesn't hold for what runs before it."""
        refused = {
            f"isolation {self.isolation!r}": self.isolation not in (None, "read committed"),
            "read_only": self.read_only,
            "deferrable": self.deferrable,
            "settings": bool(self.settings),
        }
        for what, given in refused.items():
            if given:
                raise UsageError(
                    f"defer_begin lets reads run before BEGIN, for which {what} would not hold: "
                    "leave out one of the two"
                )

    def begin_sql(self) -> str:
        """BEGIN, and the settings behind it: one round trip."""
        begin = "BEGIN"
        if self.isolation is not None:
            begin += f" ISOLATION LEVEL {self.isolation.upper()}"
        if self.read_only:
            begin += " READ ONLY"
        if self.deferrable:
            begin += " DEFERRABLE"
        return "; ".join((begin, *self.settings_sql()))

    def settings_sql(self) -> tuple[str, ...]:
        """The command that sets the settings, if there are any."""
        if not self.settings:
            return ()
        calls = [
            f"set_config({quote(name)}, {quote(_text(value))}, true)"
            for name, value in self.settings.items()
        ]
        return (f"SELECT {', '.join(calls)}",)


def quote(text: str) -> str:
    """The text as a literal, whatever standard_conforming_strings says."""
    if "\0" in text:
        raise UsageError("a setting's value must not contain a NUL character")
    doubled = text.replace("'", "''")
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in text else f"'{doubled}'"


def _text(value: Setting) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)
