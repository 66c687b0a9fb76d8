"""Work that is cancelled at a suspension of our choice, rather than at a time."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any


class Interrupted:
    """Awaits work in the caller's task, and cancels that at the suspensions of these numbers.

    `suspensions` are how many there were. A number from 0; each time that the work is resumed and
    suspends again counts.
    """

    def __init__(self, work: Coroutine[Any, Any, object], at: set[int]) -> None:
        self._work = work
        self._at = at
        self.suspensions = 0

    def __await__(self) -> Generator[Any, Any, object]:
        task = asyncio.current_task()
        assert task is not None
        step: Any = self._work.send
        given: Any = None
        while True:
            try:
                future = step(given)
            except StopIteration as end:
                return end.value
            if self.suspensions in self._at:
                # With effect on what is suspended for now.
                task.cancel()
            self.suspensions += 1
            try:
                given = yield future
                step = self._work.send
            except BaseException as error:
                step, given = self._work.throw, error
