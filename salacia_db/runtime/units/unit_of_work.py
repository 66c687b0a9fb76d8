"""The unit of work: what happens in it is kept as a whole, or not at all."""

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, ParamSpec, Self

import asyncpg

from salacia_db.runtime.errors import CommitOutcomeUnknown, ConcurrentUse, UsageError
from salacia_db.runtime.finding.finder import Finder
from salacia_db.runtime.statement import Row
from salacia_db.runtime.units.advisory import LOCK, TRY_LOCK, lock_key
from salacia_db.runtime.units.late import LateRunner
from salacia_db.runtime.units.session import TransactionSession
from salacia_db.runtime.units.transaction import Frame, Transaction
from salacia_db.runtime.unseen import unseen

P = ParamSpec("P")


class UnitOfWork(Finder[TransactionSession]):
    """One transaction, or with `unit_of_work()` inside one, a savepoint of it.

    Opened by `async with`; committed where the block ends normally, rolled back where it raises.
    Nothing is sent before the first statement, and nothing at all where there is none. To be used
    by one task at a time.
    """

    def __init__(self, session: TransactionSession, late: LateRunner) -> None:
        self.session = session
        self._transaction: Transaction = session.transaction
        self._late = late
        self._frame: Frame | None = None

    async def __aenter__(self) -> Self:
        if self._frame is not None:
            raise UsageError("a unit of work can be entered only once: open another one")
        self._frame = self._transaction.push(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        frame = self._frame
        if frame is None or frame not in self._transaction.frames:
            return  # ended by commit() or rollback(), or with a unit around it
        if error is not None:
            await self._undo(frame, error)
            return
        try:
            self._check_innermost(frame)
        except ConcurrentUse as misuse:
            await self._undo(frame, misuse)
            raise
        await self._keep(frame)

    @property
    def is_open(self) -> bool:
        """Whether it has begun, and has not been committed or rolled back."""
        return self._frame is not None and self._frame in self._transaction.frames

    async def commit(self) -> None:
        """Commits now rather than at the end of the block; nothing can follow."""
        frame = self._open_frame()
        self._check_innermost(frame)
        await self._keep(frame)

    async def rollback(self) -> None:
        """Rolls back now; nothing can follow, and the block may end normally."""
        await self._undo(self._open_frame(), None)

    def unit_of_work(self) -> Self:
        """A unit within this one: a savepoint, to which an error inside goes back."""
        self._open_frame()
        return type(self)(self.session, self._late)

    def savepoint(self) -> Self:
        """The same as `unit_of_work()`. This unit can be used inside the block, too."""
        return self.unit_of_work()

    def after_commit(
        self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Calls the function, plain or async, once the commit is certain, and only then.

        Inside a nested unit, only if that is kept, too. What it raises is logged and given to
        `hooks.on_error`.
        """
        self._open_frame()
        self._transaction.frames[-1].callbacks.commit.append(_bind(function, args, kwargs))

    def after_rollback(
        self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Calls the function, plain or async, once what was done here is rolled back."""
        self._open_frame()
        self._transaction.frames[-1].callbacks.rollback.append(_bind(function, args, kwargs))

    async def advisory_lock(self, key: int | str, *, wait: bool = True) -> bool:
        """Takes the lock on a number, or on a text, which is the same everywhere; whether it did.

        It is held until the transaction ends, or the nested unit in which it was taken is undone;
        no table has a part in it. Without `wait`, False where somebody else holds it. Raises
        `InvalidArgument`, and `DeadlineExceeded` after waiting for too long.
        """
        row = await self.session.fetchrow(LOCK if wait else TRY_LOCK, lock_key(key))
        return wait or bool(row and row[0])

    # --- SQL that the generator hasn't seen -------------------------------------------------------

    @unseen
    async def fetch(self, sql: str, *args: Any, timeout: float | None = None) -> list[Row]:
        """The rows of a statement, with `$1`, `$2` … for its arguments."""
        rows: list[Row] = await self.session.raw("fetch", sql, args, timeout)
        return rows

    @unseen
    async def fetchrow(self, sql: str, *args: Any, timeout: float | None = None) -> Row | None:
        """The first row of a statement, or None."""
        row: Row | None = await self.session.raw("fetchrow", sql, args, timeout)
        return row

    @unseen
    async def fetchval(self, sql: str, *args: Any, timeout: float | None = None) -> Any:
        """The first value of a statement's first row, or None."""
        return await self.session.raw("fetchval", sql, args, timeout)

    @unseen
    async def execute(self, sql: str, *args: Any, timeout: float | None = None) -> int:
        """Runs a statement, or several where there are no arguments; the rows affected last."""
        count: int = await self.session.raw("execute", sql, args, timeout)
        return count

    async def connection(self) -> asyncpg.Connection:
        """The driver's connection, inside the transaction: for what nothing else offers.

        It has no deadlines, and raises the driver's own errors. Not to be kept.
        """
        return await self.session.connection()

    # --- inside -----------------------------------------------------------------------------------

    def _open_frame(self) -> Frame:
        frame = self._frame
        if frame is None or frame not in self._transaction.frames:
            raise UsageError(f"the unit of work of {self._transaction.where} is not open")
        return frame

    async def _keep(self, frame: Frame) -> None:
        transaction, callbacks = self._transaction, frame.callbacks
        try:
            if frame is transaction.frames[0]:
                cancelled = await transaction.commit()
            else:
                await transaction.keep(frame)
                return
        except CommitOutcomeUnknown:
            raise  # neither side is certain
        except BaseException as error:
            await self._late.run(callbacks.rollback, wait=isinstance(error, Exception))
            raise
        if callbacks.commit:
            await self._late.run(callbacks.commit, wait=cancelled is None)
        if cancelled is not None:
            raise cancelled

    async def _undo(self, frame: Frame, error: BaseException | None) -> None:
        transaction = self._transaction
        # Nested units that are still open go with it.
        undone = transaction.frames[transaction.frames.index(frame) :]
        late = [callback for each in undone for callback in each.callbacks.rollback]
        wait = False
        try:
            if frame is transaction.frames[0]:
                await transaction.rollback(error)
            else:
                transaction.undo(frame)
            wait = isinstance(error, Exception | None)
        finally:
            # Cancelled meanwhile, it is rolled back all the same.
            await self._late.run(late, wait=wait)

    def _check_innermost(self, frame: Frame) -> None:
        if self._transaction.frames[-1] is not frame:
            raise ConcurrentUse(
                f"a unit of work nested in that of {self._transaction.where} is still open: "
                "end it first"
            )


def _bind(
    function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Callable[..., object], tuple[Any, ...]]:
    return (partial(function, **kwargs) if kwargs else function), args
