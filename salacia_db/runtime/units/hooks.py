"""Hooks: functions that run before and after statements write, and after commit or rollback."""

import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import starmap
from typing import TYPE_CHECKING, Any, TypeVar, overload

from msgspec import Struct

from salacia_db.runtime.errors import UsageError
from salacia_db.runtime.result import Result
from salacia_db.runtime.statement import Statement, Write
from salacia_db.runtime.units.events import (
    After,
    Arguments,
    Before,
    Created,
    Creating,
    Deleted,
    Deleting,
    Event,
    Updated,
    Updating,
)
from salacia_db.texts import printable

if TYPE_CHECKING:
    from salacia_db.runtime.units.transaction import Transaction

T = TypeVar("T")
R = TypeVar("R")
Function = Callable[[Any], object]

_log = logging.getLogger("salacia_db.hooks")

# The events of an operation. An upsert is both, as nobody knows beforehand which it will be.
_BEFORE: dict[str, tuple[type[Before[Any]], ...]] = {
    "create": (Creating,),
    "update": (Updating,),
    "delete": (Deleting,),
    "upsert": (Creating, Updating),
}
_AFTER: dict[str, tuple[type[After[Any]], ...]] = {
    "create": (Created,),
    "update": (Updated,),
    "delete": (Deleted,),
    "upsert": (Created, Updated),
}

# The tags that tell how many rows a statement wrote; a SELECT's tells how many it returned.
_VERBS = ("INSERT", "UPDATE", "DELETE", "MERGE")


class HookFailure(Struct, frozen=True):
    """A function that failed after the commit or the rollback, when nobody could be told."""

    function: str
    error: BaseException


class Hook(Struct, frozen=True):
    """A function to call: once for a bulk call, or for each of its rows."""

    function: Function
    each: bool


class BeforePlan(Struct, frozen=True):
    """One event before a statement, and who is told."""

    event: type[Before[Any]]
    write: Write
    hooks: tuple[Hook, ...]


class AfterPlan(Struct, frozen=True):
    """One event after a statement, and who is told: at once, after commit, after rollback."""

    event: type[After[Any]]
    write: Write
    hooks: tuple[Hook, ...]
    on_commit: tuple[Function, ...]
    on_rollback: tuple[Function, ...]


class Plan(Struct, frozen=True):
    """All events of one statement. `split`: an upsert's rows must tell whether they are new.

    `each`: somebody wants to be told after each row of a bulk call.
    """

    before: tuple[BeforePlan, ...]
    after: tuple[AfterPlan, ...]
    split: bool
    each: bool

    async def around(
        self,
        statement: Statement,
        transaction: "Transaction",
        args: tuple[Any, ...],
        run: Callable[[Statement, tuple[Any, ...], bool], Awaitable[Result]],
    ) -> Result:
        """Runs one call of a statement with its hooks. `run` is given `split`, too."""
        batch = (Arguments(statement.name, statement.parameters, args),)
        for before in self.before:
            await _tell(before.hooks, _event(before, statement, transaction, batch, False))
        if self.before:
            args = tuple(batch[0].current)
        result = await run(statement, args, self.split)
        events = self._events(statement, transaction, batch, result, False)
        self._note(events, transaction)
        for after, event in events:
            await _tell(after.hooks, event)
        return result

    async def around_many(
        self,
        statement: Statement,
        transaction: "Transaction",
        rows: Sequence[tuple[Any, ...]],
        run: Callable[[Sequence[tuple[Any, ...]], bool, int], Awaitable[Result]],
    ) -> Result:
        """Runs a bulk call with its hooks.

        `run` is given rows, `split`, and the place of the first of them in the list.
        """
        batch = [Arguments(statement.name, statement.parameters, row) for row in rows]
        for before in self.before:
            for hook in before.hooks:
                for part in [[one] for one in batch] if hook.each else [batch]:
                    event = _event(before, statement, transaction, part, not hook.each)
                    await _tell((hook,), event)
        if self.before:
            rows = [tuple(arguments.current) for arguments in batch]
        if self.each:
            result = await self._one_by_one(statement, transaction, rows, batch, run)
        else:
            result = await run(rows, self.split, 0)
        events = self._events(statement, transaction, batch, result, True)
        self._note(events, transaction)
        for after, event in events:
            await _tell([hook for hook in after.hooks if not hook.each], event)
        return result

    async def _one_by_one(
        self,
        statement: Statement,
        transaction: "Transaction",
        rows: Sequence[tuple[Any, ...]],
        batch: Sequence[Arguments],
        run: Callable[[Sequence[tuple[Any, ...]], bool, int], Awaitable[Result]],
    ) -> Result:
        """Runs a bulk call row by row, and tells the hooks that want to be told of each."""
        result = Result([], 0)
        with transaction.whole_call():
            for index, row in enumerate(rows):
                one = await run([row], self.split, index)
                result.extend(one)
                result.verb = one.verb
                events = self._events(statement, transaction, [batch[index]], one, False)
                for after, event in events:
                    await _tell([hook for hook in after.hooks if hook.each], event)
        return result

    def _events(
        self,
        statement: Statement,
        transaction: "Transaction",
        batch: Sequence[Arguments],
        result: Result,
        bulk: bool,
    ) -> list[tuple[AfterPlan, After[Any]]]:
        """What there is to tell after rows were written."""
        events: list[tuple[AfterPlan, After[Any]]] = []
        for after in self.after:
            rows, count = _written(after, statement, result)
            if count != 0:
                event = _event(after, statement, transaction, batch, bulk, rows=rows, count=count)
                events.append((after, event))
        return events

    def _note(self, events: list[tuple[AfterPlan, After[Any]]], transaction: "Transaction") -> None:
        """Notes who is told late, first of all: what was written stays, even if a hook raises."""
        for after, event in events:
            if after.on_commit or after.on_rollback:
                callbacks = transaction.frames[-1].callbacks
                callbacks.commit += [(function, (event,)) for function in after.on_commit]
                callbacks.rollback += [(function, (event,)) for function in after.on_rollback]


def _event(
    plan: BeforePlan | AfterPlan,
    statement: Statement,
    transaction: "Transaction",
    batch: Sequence[Arguments],
    bulk: bool,
    **more: Any,
) -> Any:
    unit, write = transaction.frames[-1].unit, plan.write
    upsert = write.operation == "upsert"
    name = statement.name
    return plan.event(name, write.model, unit, batch, bulk=bulk, upsert=upsert, **more)


async def _tell(hooks: Sequence[Hook], event: Event[Any]) -> None:
    for hook in hooks:
        told = hook.function(event)
        if told is not None and inspect.isawaitable(told):
            await told


def _written(
    plan: AfterPlan, statement: Statement, result: Result
) -> tuple[tuple[Any, ...], int | None]:
    """The rows of an after-event, and their number; None where the server doesn't tell."""
    write = plan.write
    rows = result.rows if write.returned else []
    if write.operation == "upsert":
        if result.created is None:
            return (), None
        new = plan.event is Created
        count = result.created.count(new)
        rows = [row for row, flag in zip(rows, result.created, strict=False) if flag is new]
    elif write.returned:
        count = len(rows)
    elif len(statement.writes) == 1 and result.verb in _VERBS:
        count = result.count
    else:
        return (), None
    return tuple(starmap(write.build, rows)), count


class _Registration(Struct, frozen=True):
    phase: type[Any] | str
    model: type[Any] | None
    function: Function
    each: bool = False


def _name_of(function: object) -> str:
    return str(getattr(function, "__qualname__", type(function).__name__))


class Hooks:
    """A registry of hooks, given to `connect(hooks=...)`. There is no global one.

    Functions may be plain or `async`, and run in the order in which they were registered, for one
    struct (`@hooks.after_update(AiInteraction)`) or for all (`@hooks.after_update()`); for anything
    else `UsageError` is raised.

    - Before-hooks run before the statement is sent: they may replace arguments, or refuse by
      raising. An upsert is told to those of create and of update, with `event.upsert` set.
    - After-hooks run in the same transaction: raising rolls back, unless the caller catches it.
      A statement outside a unit of work that has hooks runs in one of its own. Nothing is told
      where no row was written. Of an upsert, each row is told as created or as updated; where the
      server can't tell, both are told, without rows.
    - After-commit hooks get the same events once the commit is certain, and only then; what they
      raise is logged and given to `on_error`, never to the caller.

    A bulk call is told once, with all its rows. With `each=True` a hook is told of each row alone,
    so that `event.arguments` is there; after-hooks of that kind make the call run row by row.

    What the database does by itself (cascades, triggers, rules) is not seen.
    """

    def __init__(self) -> None:
        self._registrations: list[_Registration] = []
        self._on_error: list[Callable[[HookFailure], object]] = []
        self._plans: dict[tuple[Write, ...], Plan | None] = {}

    def before_create(
        self, model: type[T] | None = None, *, each: bool = False
    ) -> Callable[[Callable[[Creating[T]], R]], Callable[[Creating[T]], R]]:
        """Registers a function to run before rows are inserted."""
        return self._register(Creating, model, each)

    def after_create(
        self, model: type[T] | None = None, *, each: bool = False
    ) -> Callable[[Callable[[Created[T]], R]], Callable[[Created[T]], R]]:
        """Registers a function to run after rows were inserted."""
        return self._register(Created, model, each)

    def before_update(
        self, model: type[T] | None = None, *, each: bool = False
    ) -> Callable[[Callable[[Updating[T]], R]], Callable[[Updating[T]], R]]:
        """Registers a function to run before rows are updated."""
        return self._register(Updating, model, each)

    def after_update(
        self, model: type[T] | None = None, *, each: bool = False
    ) -> Callable[[Callable[[Updated[T]], R]], Callable[[Updated[T]], R]]:
        """Registers a function to run after rows were updated."""
        return self._register(Updated, model, each)

    def before_delete(
        self, model: type[T] | None = None, *, each: bool = False
    ) -> Callable[[Callable[[Deleting[T]], R]], Callable[[Deleting[T]], R]]:
        """Registers a function to run before rows are deleted."""
        return self._register(Deleting, model, each)

    def after_delete(
        self, model: type[T] | None = None, *, each: bool = False
    ) -> Callable[[Callable[[Deleted[T]], R]], Callable[[Deleted[T]], R]]:
        """Registers a function to run after rows were deleted."""
        return self._register(Deleted, model, each)

    @overload
    def after_commit(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
        self, model: type[T]
    ) -> Callable[[Callable[[After[T]], R]], Callable[[After[T]], R]]: ...
    @overload
    def after_commit(
        self, model: None = None
    ) -> Callable[[Callable[[After[Any]], R]], Callable[[After[Any]], R]]: ...
    @overload
    def after_commit(self, model: Callable[[After[Any]], R]) -> Callable[[After[Any]], R]: ...
    def after_commit(self, model: Any = None) -> Any:
        """Registers a function that gets each after-event once its commit is certain."""
        return self._register_late("commit", model)

    @overload
    def after_rollback(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
        self, model: type[T]
    ) -> Callable[[Callable[[After[T]], R]], Callable[[After[T]], R]]: ...
    @overload
    def after_rollback(
        self, model: None = None
    ) -> Callable[[Callable[[After[Any]], R]], Callable[[After[Any]], R]]: ...
    @overload
    def after_rollback(self, model: Callable[[After[Any]], R]) -> Callable[[After[Any]], R]: ...
    def after_rollback(self, model: Any = None) -> Any:
        """Registers a function that gets each after-event of what was rolled back."""
        return self._register_late("rollback", model)

    def on_error(
        self, function: Callable[[HookFailure], object]
    ) -> Callable[[HookFailure], object]:
        """Registers a plain function to be told what failed after commit or rollback."""
        self._on_error.append(function)
        return function

    # --- for the runtime --------------------------------------------------------------------------

    def plan(self, statement: Statement) -> Plan | None:
        """What to do around this statement; None where nobody is interested."""
        if not self._registrations:
            return None
        try:
            return self._plans[statement.writes]
        except KeyError:
            plan = self._plans[statement.writes] = self._make_plan(statement)
            return plan

    def report(self, function: object, error: BaseException) -> None:
        """Tells of a failure that can't be raised."""
        name = _name_of(function)
        _log.error("%s failed after the transaction's end", printable(name), exc_info=error)
        for listener in self._on_error:
            try:
                listener(HookFailure(name, error))
            except Exception:
                _log.exception("a listener of hooks.on_error failed")

    def _register(
        self, phase: type[Any] | str, model: type[Any] | None, each: bool = False
    ) -> Callable[[Any], Any]:
        if model is not None and not (inspect.isclass(model) and issubclass(model, Struct)):
            # A decorator without its brackets would register nothing, and say nothing.
            raise UsageError(
                "a hook is for a table's struct, `@hooks.after_update(Book)`, or for all,"
                f" `@hooks.after_update()`; this is given {printable(_name_of(model))}"
            )

        def register(function: Function) -> Function:
            self._registrations.append(_Registration(phase, model, function, each))
            self._plans.clear()
            return function

        return register

    def _register_late(self, phase: str, model: Any) -> Any:
        if model is None or inspect.isclass(model):
            return self._register(phase, model)
        return self._register(phase, None)(model)

    def _make_plan(self, statement: Statement) -> Plan | None:
        before = [
            BeforePlan(event, write, hooks)
            for write in statement.writes
            for event in _BEFORE[write.operation]
            if (hooks := self._hooks(event, write.model))
        ]
        after: list[AfterPlan] = []
        for write in statement.writes:
            late = self._functions("commit", write.model), self._functions("rollback", write.model)
            for event in _AFTER[write.operation]:
                hooks = self._hooks(event, write.model)
                if hooks or late[0] or late[1]:
                    after.append(AfterPlan(event, write, hooks, *late))
        if not before and not after:
            return None
        split = any(entry.write.operation == "upsert" for entry in after)
        each = any(hook.each for entry in after for hook in entry.hooks)
        return Plan(tuple(before), tuple(after), split, each)

    def _hooks(self, phase: type[Any], model: type[Any]) -> tuple[Hook, ...]:
        return tuple(
            Hook(r.function, r.each)
            for r in self._registrations
            if r.phase == phase and r.model in (None, model)
        )

    def _functions(self, phase: type[Any] | str, model: type[Any]) -> tuple[Function, ...]:
        return tuple(
            r.function for r in self._registrations if r.phase == phase and r.model in (None, model)
        )
