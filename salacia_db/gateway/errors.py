"""What the services raise beside the runtime's own errors."""

from salacia_db.runtime import InvalidArgument, NotFound, SalaciaError


class Missing(NotFound):
    """There is no message, provider or fact of that id or key. `what` says which of them."""

    def __init__(self, what: str) -> None:
        LookupError.__init__(self, f"no such {what}")
        self.statement = ""
        self.what = what


class Conflict(SalaciaError):
    """What is asked for doesn't go with what is there now: the default provider isn't deleted."""


def invalid(parameter: str, expected: str) -> InvalidArgument:
    """The error for an argument that isn't what it has to be; its value is not shown."""
    return InvalidArgument(
        f"`{parameter}` has to be {expected}", parameter=parameter, expected=expected
    )
