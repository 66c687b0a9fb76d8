"""Which exceptions are a user's to mend, and how they are told."""

import sys


class Failure(Exception):
    """A command can't do what was asked; the message says why and what to do."""


def failure_of(error: Exception) -> str | None:
    """The text to show for this exception, or None where it is a bug of ours.

    Modules are looked up rather than imported: an error of a module that was never loaded can't
    have been raised, and loading them all would slow every command.
    """
    if isinstance(error, Failure):
        return f"error: {error}"
    for module, name in (
        ("salacia_db.codegen.problems", "ProblemsError"),
        ("salacia_db.postgres.errors", "PostgresError"),
        ("salacia_db.runtime.errors", "SalaciaError"),
    ):
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return str(error) if name == "ProblemsError" else f"error: {error}"
    if isinstance(error, OSError) and error.filename is not None:
        return f"error: {error.strerror}: {error.filename}"
    return None
