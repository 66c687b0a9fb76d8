"""Commands whose garbage has no cycles."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Generator[None]:
    """Without the search for cycles of garbage, here or as a decorator.

    Trees and facts are many objects, none of which leads back to itself: looking for such among
    them took a tenth of a command's time and found nothing.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
