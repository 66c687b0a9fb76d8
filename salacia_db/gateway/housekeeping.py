"""Upkeep beside other work: in the background, and whatever goes wrong is only logged."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from salacia import Database
from salacia_db.gateway import upkeep
from salacia_db.gateway.upkeep import Kept, Retention
from salacia_db.runtime import PermissionDenied, SalaciaError

_log = logging.getLogger("salacia_db.gateway")


@asynccontextmanager
async def housekeeping(
    database: Database, every: timedelta | None, retention: Retention | None = None
) -> AsyncGenerator[None]:
    """For as long as this is open, a round of upkeep and the next one `every` later; None: none."""
    if every is None:
        yield
        return
    told = _Told()
    task = asyncio.create_task(
        upkeep.keep_up(database, every, retention, told.done, told.failed), name="upkeep"
    )
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


class _Told:
    """Logs what goes wrong: once, until it goes well again or something else goes wrong."""

    def __init__(self) -> None:
        self._last = ""

    def done(self, kept: Kept) -> None:
        self._last = ""
        _log.debug("upkeep: %s", kept)

    def failed(self, error: Exception) -> None:
        # Only our own errors are known to show no value.
        name = type(error).__name__
        text = f"{name}: {error}" if isinstance(error, SalaciaError) else name
        if text == self._last:
            return
        self._last = text
        if isinstance(error, PermissionDenied):
            _log.warning(
                "this role can't do the whole upkeep, which is the tables' owner's: run"
                " `python -m salacia_db.gateway upkeep` as the owner instead (%s)",
                text,
            )
        else:
            _log.warning("upkeep failed, and is tried again: %s", text)
