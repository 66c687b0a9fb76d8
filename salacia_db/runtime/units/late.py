"""Callbacks for after the end of a transaction, when nothing that they do can change it."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from salacia_db.runtime.units.hooks import Hooks

Callback: TypeAlias = tuple[Callable[..., object], tuple[Any, ...]]


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
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, callbacks: list[Callback], *, wait: bool = True) -> None:
        """Runs them, to the end if `wait`; else, from the first that must be awaited, later."""
        for index, (function, args) in enumerate(callbacks):
            try:
                result = function(*args)
            except Exception as error:
                self._hooks.report(function, error)
                continue
            if result is not None and inspect.isawaitable(result):
                rest = self._continue(function, result, callbacks[index + 1 :])
                task = asyncio.ensure_future(rest)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                if wait:
                    await asyncio.shield(task)
                return

    async def close(self, timeout: float) -> None:
        """Waits so many seconds for what goes on in the background, then ends it."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=timeout)
            for task in late:
                task.cancel()

    async def _continue(
        self, function: Callable[..., object], first: Awaitable[Any], rest: list[Callback]
    ) -> None:
        await self._finish(function, first)
        for following, args in rest:
            try:
                result = following(*args)
            except Exception as error:
                self._hooks.report(following, error)
            else:
                if result is not None and inspect.isawaitable(result):
                    await self._finish(following, result)

    async def _finish(self, function: Callable[..., object], work: Awaitable[Any]) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await work
        except Exception as error:
            self._hooks.report(function, error)
        except asyncio.CancelledError as error:
            # The hook's own, or the end of the event loop: the others still get their turn.
            self._hooks.report(function, error)
