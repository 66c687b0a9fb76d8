"""Places in the program, for messages: who asked for something."""

import sys
from pathlib import Path
from types import FrameType

from salacia_db.runtime.group import Group

_PACKAGE = str(Path(__file__).parents[1])


def caller() -> str:
    """`file:line` of the frame that called into this package."""
    frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def call_site() -> str:
    """The same past generated functions, too: slower, for errors.

    Right only before the first await that had to wait.
    """
    frame: FrameType = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and _ours(frame):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _ours(frame: FrameType) -> bool:
    if frame.f_code.co_filename.startswith(_PACKAGE):
        return True
    return isinstance(frame.f_locals.get("self"), Group)
