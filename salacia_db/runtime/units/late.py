"""Callbacks for after the end of a transaction, when nothing that they do can change it."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from salacia_db.runtime.units.hooks import Hooks

Callback: TypeAlias = tuple[Callable[..., object], tuple[Any, ...]]

# Who is cancelled at its deadline gets so many seconds to end.
_GRACE = 1.0


class Callbacks:
    """What a unit of work has to run after its commit, and after its rollback."""

    __slots__ = ("commit", "rollback")

    def __init__(self) -> None:
        self.commit: list[Callback] = []
        self.rollback: list[Callback] = []

    def extend(self, other: "Callbacks") -> None:
        """Takes over those of a nested unit of work."""
        self.commit += other.commit
        self.rollback += other.rollback


class LateRunner:
    """Runs callbacks one after the other, each within `timeout` seconds; reports what they raise.

    Where the caller is cancelled, they go on in the background.
    """

    __slots__ = ("_hooks", "_tasks", "_timeout")

    def __init__(self, hooks: Hooks, timeout: float) -> None:
        self._hooks = hooks
        self._timeout = timeout
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, callbacks: list[Callback], *, wait: bool = True) -> None:
        """Runs them, to the end if `wait`; else, from the first that must be awaited, later."""
        for index, callback in enumerate(callbacks):
            work = self._call(callback)
            if work is not None:
                task = asyncio.ensure_future(self._continue(work, callbacks[index:]))
                self._keep(task)
                if wait:
                    await asyncio.wait({task})
                return

    async def close(self, timeout: float) -> None:
        """Waits so many seconds for what goes on in the background, then ends it."""
        tasks = set(self._tasks)
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=timeout)
        finally:
            late = [task for task in tasks if not task.done()]
            for task in late:
                task.cancel()
        if late:
            await asyncio.wait(late, timeout=min(_GRACE, timeout))

    def _call(self, callback: Callback) -> Awaitable[Any] | None:
        """What is to be awaited of it, if anything is."""
        function, args = callback
        try:
            result = function(*args)
        except (Exception, asyncio.CancelledError) as error:
            self._hooks.report(function, error)
            return None
        return result if result is not None and inspect.isawaitable(result) else None

    async def _continue(self, first: Awaitable[Any], callbacks: list[Callback]) -> None:
        """Awaits the first, which is called already, then calls and awaits the others."""
        work: Awaitable[Any] | None = first
        for index, callback in enumerate(callbacks):
            if index:
                work = self._call(callback)
            if work is None:
                continue
            try:
                await self._finish(callback[0], work)
            except asyncio.CancelledError as error:
                # The database closes, or the event loop: nothing can wait for the others.
                for function, _ in callbacks[index:]:
                    self._hooks.report(function, error)
                raise

    async def _finish(self, function: Callable[..., object], work: Awaitable[Any]) -> None:
        # A task of its own: one that won't end when it is cancelled would hold up all others.
        task = asyncio.ensure_future(work)
        self._keep(task)
        task.add_done_callback(_look)
        try:
            await asyncio.wait({task}, timeout=self._timeout)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=min(_GRACE, self._timeout))
            self._hooks.report(function, TimeoutError(f"it took more than {self._timeout:g} s"))
        elif task.cancelled():
            self._hooks.report(function, asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            self._hooks.report(function, error)

    def _keep(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _look(task: "asyncio.Task[Any]") -> None:
    """What it raises after it was given up has been reported as that."""
    if not task.cancelled():
        task.exception()
