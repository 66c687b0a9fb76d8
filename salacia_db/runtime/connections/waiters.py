"""Those who wait for a connection, first come first served."""

import asyncio
from asyncio import get_running_loop
from collections.abc import Iterable
from typing import Any

from salacia_db.runtime.connections.connection import Connection
from salacia_db.runtime.errors import ConnectionFailed, PoolDeadlock, SalaciaError, another
from salacia_db.runtime.place import call_site

Waiter = asyncio.Future[Connection]


class Waiters:
    """A queue of callers: `tasks` are whose they are. Who gave up isn't in it any more."""

    def __init__(self) -> None:
        self.tasks: dict[Waiter, asyncio.Task[Any] | None] = {}

    def __len__(self) -> int:
        return len(self.tasks)

    def join(self) -> Waiter:
        """A future that `serve` gives a connection to, or `fail` an error."""
        waiter: Waiter = get_running_loop().create_future()
        self.tasks[waiter] = asyncio.current_task()
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """For a waiter who is done, however that came."""
        self.tasks.pop(waiter, None)

    def serve(self, connection: Connection) -> bool:
        """Gives it to whoever has waited longest; False where nobody waits."""
        while self.tasks:
            waiter = next(iter(self.tasks))
            del self.tasks[waiter]
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    def fail(self, error: SalaciaError) -> None:
        """Each gets the error, as one of its own."""
        for waiter in self.tasks:
            if not waiter.done():
                waiter.set_exception(another(error))
        self.tasks.clear()

    def refuse_deadlock(self, connections: Iterable[Connection], slots: int) -> None:
        """Raises `PoolDeadlock` where the running task would wait for nobody but waiters.

        That is where each of so many slots is held by a unit of work whose task waits here itself,
        the running one among them. Only who holds one can complete such a circle.
        """
        task = asyncio.current_task()
        held = [(c, c.task()) for c in connections if c.where is not None and c.task is not None]
        if task is None or len(held) < slots or all(holder is not task for _, holder in held):
            return
        waiting = {*self.tasks.values(), task}
        if any(holder not in waiting for _, holder in held):
            return
        mine = next(c.where for c, holder in held if holder is task)
        others = [str(c.where) for c, holder in held if holder is not task]
        among = f", as do those of {', '.join(others)}" if others else ""
        raise PoolDeadlock(
            f"{call_site()} would wait for ever for a connection: its task holds one in the unit "
            f"of work of {mine}, and waits for another{among}; that is all of the pool (pool_max="
            f"{slots}). Use the unit of work for this, too, end it first, or raise pool_max"
        )


def failed_for_good(error: ConnectionFailed, seconds: float) -> ConnectionFailed:
    """The error for a caller who has waited so long for a server that doesn't come back."""
    final = another(error)
    final.args = (f"{error.args[0]}; it was tried for {seconds:g} s",)
    return final
