"""The watcher: is told of each call of a statement, and passes it on to what was asked for."""

import logging
from collections.abc import Awaitable
from time import perf_counter
from typing import Protocol, TypeVar

from salacia_db.runtime.statement import Statement
from salacia_db.runtime.watching.stats import StatementStats
from salacia_db.texts import printable

T = TypeVar("T")

_log = logging.getLogger("salacia_db.statements")


class Sink(Protocol):
    """What wants to know of calls."""

    def statement(self, statement: Statement, seconds: float, error: BaseException | None) -> None:
        """A call took so long, and raised this, if anything."""
        ...


class Watcher:
    """Times calls. What it costs is paid only where something is measured at all."""

    __slots__ = ("_commits", "_sinks")

    def __init__(self, sinks: list[Sink], *, logs: bool) -> None:
        self._commits = tuple(sinks)
        self._sinks = (*sinks, StatementLog()) if logs else self._commits

    async def timed(self, statement: Statement, work: Awaitable[T]) -> T:
        """Awaits the work of a statement."""
        began = perf_counter()
        try:
            result = await work
        except BaseException as error:
            self.tell(statement, perf_counter() - began, error)
            raise
        self.tell(statement, perf_counter() - began, None)
        return result

    async def timed_commit(self, statement: Statement, work: Awaitable[T]) -> T:
        """The same for COMMIT, which no query file holds and the log of statements leaves out."""
        began = perf_counter()
        failure: BaseException | None = None
        try:
            return await work
        except BaseException as error:
            failure = error
            raise
        finally:
            seconds = perf_counter() - began
            for sink in self._commits:
                sink.statement(statement, seconds, failure)

    def tell(self, statement: Statement, seconds: float, error: BaseException | None) -> None:
        """Of a call that has ended."""
        for sink in self._sinks:
            sink.statement(statement, seconds, error)


class StatementLog:
    """Logs each call: its name and how long it took, never a value."""

    __slots__ = ()

    def statement(self, statement: Statement, seconds: float, error: BaseException | None) -> None:
        name, milliseconds = printable(statement.name), seconds * 1000
        if error is None:
            _log.info("%s %.1f ms", name, milliseconds)
        else:
            _log.info("%s %.1f ms %s", name, milliseconds, type(error).__name__)


class Tally:
    """Counts and times the calls of each statement."""

    __slots__ = ("_figures",)

    def __init__(self) -> None:
        self._figures: dict[str, list[float]] = {}

    def statement(self, statement: Statement, seconds: float, error: BaseException | None) -> None:
        figures = self._figures.get(statement.name)
        if figures is None:
            figures = self._figures[statement.name] = [0, 0, 0.0, 0.0]
        figures[0] += 1
        figures[1] += error is not None
        figures[2] += seconds
        if seconds > figures[3]:
            figures[3] = seconds

    def stats(self) -> dict[str, StatementStats]:
        """The figures, by name."""
        return {
            name: StatementStats(calls=int(calls), errors=int(errors), total=total, longest=longest)
            for name, (calls, errors, total, longest) in sorted(self._figures.items())
        }
