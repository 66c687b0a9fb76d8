"""Running a unit of work again, where others got in its way and the server kept nothing of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NoReturn, TypeVar, TypeVarTuple

from salacia_db.runtime.errors import (
    ConnectionLost,
    DeadlockDetected,
    SchemaChanged,
    SerializationFailure,
    TransactionRolledBack,
    UsageError,
)
from salacia_db.runtime.units.unit_of_work import UnitOfWork
from salacia_db.texts import printable

if TYPE_CHECKING:
    from tenacity import AsyncRetrying, RetryCallState

T = TypeVar("T")
U = TypeVar("U", bound=UnitOfWork)
Ts = TypeVarTuple("Ts")

# What going on at once helps against. Other errors that are safe to retry have waited already, as
# for a connection, or were told not to, as for a lock.
_REPEATED = (ConnectionLost, DeadlockDetected, SchemaChanged, SerializationFailure)
# The pause before an attempt is drawn from 0 to a limit, which begins with the first and doubles up
# to the second: those who met once are unlikely to meet again.
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 1.0

_log = logging.getLogger("salacia_db.retries")


async def run(
    open_unit: Callable[[], U],
    function: Callable[[U, *Ts], Awaitable[T]],
    args: tuple[*Ts],
    *,
    attempts: int,
    seconds: float,
    retried: Callable[[], None],
) -> T:
    """What the function returns for a unit of work, once that is committed. See `Database.run`.

    `retried` is called before each attempt but the first.
    """
    kept: list[bool] = []

    async for attempt in _attempts(function, kept, attempts, seconds, retried):
        with attempt:
            async with open_unit() as unit:
                unit.after_commit(kept.append, True)
                unit.session.transaction.where = _place(function) or unit.session.transaction.where
                return await function(unit, *args)
    raise AssertionError  # the last attempt returns or raises


def _attempts(
    function: Callable[..., object],
    kept: list[bool],
    attempts: int,
    seconds: float,
    retried: Callable[[], None],
) -> "AsyncRetrying":
    # Imported late: most programs that run never need it.
    from tenacity import (
        AsyncRetrying,
        retry_if_exception,
        stop_after_attempt,
        stop_before_delay,
        wait_random_exponential,
    )

    if attempts < 1 or not seconds > 0:
        raise UsageError("run: attempts must be at least 1, and seconds more than 0")
    name = getattr(function, "__qualname__", type(function).__name__)

    def note(state: "RetryCallState") -> None:
        error, number = _failure(state), state.attempt_number
        retried()
        _log.info(
            "%s is run again after %s (attempt %d)", printable(name), type(error).__name__, number
        )

    def give_up(state: "RetryCallState") -> NoReturn:
        error = _failure(state)
        error.add_note(f"{name}: given up after attempt {state.attempt_number} of {attempts}")
        raise error

    return AsyncRetrying(
        sleep=asyncio.sleep,
        # A function that committed by itself, and then failed, has happened.
        retry=retry_if_exception(lambda error: not kept and _repeatable(error)),
        stop=stop_after_attempt(attempts) | stop_before_delay(seconds),
        wait=wait_random_exponential(multiplier=_FIRST_PAUSE, max=_LONGEST_PAUSE),
        before_sleep=note,
        retry_error_callback=give_up,
    )


def _repeatable(error: BaseException) -> bool:
    """Whether nothing was kept, and another attempt may well go through."""
    if isinstance(error, TransactionRolledBack):
        return isinstance(error.__cause__, _REPEATED)
    return isinstance(error, _REPEATED)


def _failure(state: "RetryCallState") -> BaseException:
    error = None if state.outcome is None else state.outcome.exception()
    assert error is not None
    return error


def _place(function: object) -> str | None:
    """Where the function stands, to be told as the holder of a connection."""
    code = getattr(function, "__code__", None)
    return None if code is None else f"{code.co_filename}:{code.co_firstlineno}"
