"""Which errors mean that the connection is gone, or that nobody knows what comes over it."""

import asyncpg

# Files of asyncpg's compiled code, and those of them that read values. Names of functions in a
# traceback mean nothing there: Cython keeps them by the line alone, whichever file that is of.
_COMPILED = ".pyx"
_VALUES = "/pgproto/"


def from_server(error: BaseException) -> bool:
    """Whether the server sent this error (asyncpg raises the same classes on its own account)."""
    return isinstance(error, asyncpg.PostgresError) and error.severity is not None


def lost(error: BaseException, raw: asyncpg.Connection) -> bool:
    """Whether this error means that the connection is gone."""
    if from_server(error):
        severity = getattr(error, "severity_en", None) or getattr(error, "severity", None)
        return severity in ("FATAL", "PANIC")
    return isinstance(error, (asyncpg.PostgresConnectionError, OSError)) or raw.is_closed()


def misread(error: BaseException) -> bool:
    """Whether asyncpg stumbled over an answer, or something in it, that isn't what it expects."""
    if isinstance(error, asyncpg.InternalClientError):
        return True
    known = isinstance(error, (asyncpg.PostgresError, asyncpg.InterfaceError, OSError))
    return not known and _files(error)[-1].endswith(_COMPILED)


def of_a_value(error: BaseException) -> bool:
    """Whether the error comes from the decoding of a value: the rest of the answer was in order."""
    *outer, inmost = _files(error)
    if inmost.endswith(_COMPILED):
        return _VALUES in inmost
    # A codec in Python, which the driver has called.
    return any(file.endswith(_COMPILED) for file in outer)


def _files(error: BaseException) -> list[str]:
    """The files of an error that has been raised, the one where it was last."""
    files: list[str] = []
    traceback = error.__traceback__
    while traceback is not None:
        files.append(traceback.tb_frame.f_code.co_filename)
        traceback = traceback.tb_next
    return files
