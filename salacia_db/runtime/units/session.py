"""A unit of work's session: all statements on one connection, in one transaction."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from itertools import count
from typing import Any, TypeVar

import asyncpg

from salacia_db.runtime.bulk.chunks import each
from salacia_db.runtime.bulk.copying import copy_in, copy_out
from salacia_db.runtime.bulk.given import CopyTarget, Output, Rows
from salacia_db.runtime.bulk.many import Many
from salacia_db.runtime.bulk.taking import taken
from salacia_db.runtime.connections.connection import Connection
from salacia_db.runtime.errors import TooManyRows
from salacia_db.runtime.result import Result, affected, strip, verb
from salacia_db.runtime.session import Method, Session
from salacia_db.runtime.statement import RAW, Row, Statement
from salacia_db.runtime.stream import CHUNK, Stream
from salacia_db.runtime.units.hooks import Hooks, Plan
from salacia_db.runtime.units.transaction import Transaction
from salacia_db.runtime.unseen import forget, unseen

T = TypeVar("T")

_portals = count()
# What the driver had the types of wrong is sent again, unless the server has run it.
_ATTEMPTS = 2


class TransactionSession(Session):
    """What `uow.<group>` runs on.

    A statement that writes and can tell the transaction's number runs as its tracked form while
    that isn't known, so that COMMIT needs no round trip for it.
    """

    __slots__ = ("_hooks", "_limit", "timeout", "transaction")

    def __init__(self, transaction: Transaction, hooks: Hooks, *, limit: int = 0) -> None:
        self.transaction = transaction
        self._hooks = hooks
        self._limit = limit
        self.timeout = transaction.timeout

    async def fetch(self, statement: Statement, *args: Any) -> list[Row]:
        try:
            plan = self._hooks.plan(statement) if statement.writes else None
            if plan is not None:
                return (await self._hooked(plan, statement, args)).rows
            form = self.form(statement)
            limit = self._limit if statement.limited else 0
            rows, _ = await self._send(form, args, limit)
            if limit and len(rows) == limit:
                rows = []
                raise TooManyRows(statement.name, limit - 1)
            return rows if form is statement else self._own(statement, rows)
        except BaseException as error:
            args = ()
            forget(error)
            raise

    async def fetchrow(self, statement: Statement, *args: Any) -> Row | None:
        try:
            plan = self._hooks.plan(statement) if statement.writes else None
            if plan is not None:
                written = (await self._hooked(plan, statement, args)).rows
                return written[0] if written else None
            form = self.form(statement)
            rows, _ = await self._send(form, args, form.first)
            if form is not statement:
                rows = self._own(statement, rows)
            return rows[0] if rows else None
        except BaseException as error:
            args = ()
            forget(error)
            raise

    async def execute(self, statement: Statement, *args: Any) -> int:
        try:
            plan = self._hooks.plan(statement) if statement.writes else None
            if plan is not None:
                return (await self._hooked(plan, statement, args)).count
            form = self.form(statement)
            rows, tag = await self._send(form, args, 0)
            if form is not statement:
                self.learn(rows)
            return affected(tag)
        except BaseException as error:
            args = ()
            forget(error)
            raise

    @unseen
    async def fetchmany(
        self, statement: Statement, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> list[Row]:
        return (await self._write_many(statement, rows, take, returning=True)).rows

    @unseen
    async def pipelined(self, statement: Statement, rows: list[Row]) -> list[Row]:
        """The rows of a run for each of some rows, without waiting in between and without hooks.

        What the server refuses ends the transaction, or the nested unit of work.
        """
        many = Many(self, statement, returning=True, split=False)
        return (await many.row_by_row(rows)).rows

    @unseen
    async def executemany(
        self, statement: Statement, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> int:
        return (await self._write_many(statement, rows, take, returning=False)).count

    @unseen
    async def copy(
        self, statement: Statement, target: CopyTarget, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> int:
        async def run(batch: Rows[Any], _: bool, __: int) -> Result:
            count = await copy_in(self, statement, target, batch, _as_it_is)
            return Result([], count, verb="INSERT")

        plan = self._hooks.plan(statement)
        if plan is None:
            return await copy_in(self, statement, target, rows, take)
        self.transaction.check()
        batch = taken([item async for item in each(rows)], take, statement.name, 0)
        return (await plan.around_many(statement, self.transaction, batch, run)).count

    @unseen
    async def copy_out(self, statement: Statement, args: Row, to: Output) -> int:
        return await copy_out(self, statement, args, to)

    @unseen
    async def raw(self, method: Method, sql: str, args: Row, timeout: float | None) -> Any:
        async def run(connection: Connection) -> Any:
            self.transaction.unproven = True
            connection.start_raw(sql, timeout or self.timeout)
            return await getattr(connection.raw, method)(sql, *args)

        result = await self.on(RAW, args, run)
        return affected(result) if method == "execute" else result

    async def connection(self) -> asyncpg.Connection:
        """The driver's connection, inside the transaction; from now on it counts as dirty."""

        async def run(connection: Connection) -> asyncpg.Connection:
            self.transaction.unproven = True
            connection.dirty = connection.named = True
            return connection.raw

        return await self.on(RAW, (), run)

    def stream(
        self, statement: Statement, args: Row, build: Callable[[Iterable[Row]], list[T]]
    ) -> Stream[T]:
        portal = f"salacia_{next(_portals)}"

        async def begin(connection: Connection) -> tuple[list[Row], bool, Any]:
            self.transaction.unproven |= not statement.read_only
            prepared = connection.start(statement, self.timeout)
            if prepared is None:
                prepared = await connection.prepare(statement)
            state = prepared._state
            rows, _, done = await connection.bind_execute(state, args, portal, CHUNK, True, None)
            return rows, done, state

        async def chunks() -> AsyncGenerator[list[T], None]:
            rows, done, state = await self.on(statement, args, begin)

            async def more(connection: Connection) -> tuple[list[Row], bool]:
                connection.start(statement, self.timeout)
                found, _, done = await connection.driver.execute(state, portal, CHUNK, True, None)
                return found, done

            async def close(connection: Connection) -> None:
                connection.start(statement, self.timeout)
                await connection.driver.close_portal(portal, None)

            while rows:
                yield build(rows)
                if done:
                    break
                rows, done = await self.on(statement, args, more)
            await self.on(statement, args, close)

        return Stream(chunks)

    # --- inside -----------------------------------------------------------------------------------

    async def on(
        self, statement: Statement, args: Any, work: Callable[[Connection], Awaitable[T]]
    ) -> T:
        """Runs work on the transaction's connection; explains what it raises."""
        transaction = self.transaction
        transaction.check()
        transaction.busy = True
        connection = transaction.connection
        try:
            if connection is None or transaction.stale:
                connection = await transaction.enter()
            result = await work(connection)
            connection.rest()
        except BaseException as error:
            failure = transaction.failed(connection, statement, args, error)
            if failure is error:
                raise
        else:
            return result
        finally:
            transaction.busy = False
        raise failure

    async def _send(self, form: Statement, args: Row, limit: int) -> tuple[list[Row], bytes]:
        """What the server answers: rows, as many as `limit` if that isn't 0, and the tag."""
        transaction = self.transaction
        left = _ATTEMPTS
        while True:
            transaction.check()
            transaction.busy = True
            connection = transaction.connection
            try:
                if connection is None or transaction.stale:
                    connection = await transaction.enter(form)
                prepared = connection.start(form, self.timeout)
                if prepared is None:
                    prepared = await connection.prepare(form)
                state = prepared._state
                rows, tag, _ = await connection.bind_execute(state, args, "", limit, True, None)
                connection.rest()
            except BaseException as error:
                failure = transaction.failed(connection, form, args, error)
                if failure is error:
                    raise
            else:
                return rows, tag
            finally:
                transaction.busy = False
            left -= 1
            if left == 0 or not transaction.misread(failure):
                # Not in the handler: the driver's error, which shows values, isn't to be context.
                raise failure

    async def _hooked(self, plan: Plan, statement: Statement, args: Row) -> Result:
        self.transaction.check()
        return await plan.around(statement, self.transaction, args, self.write_one)

    async def write_one(self, statement: Statement, args: Row, split: bool) -> Result:
        """All that a statement did; of an upsert where `split`, which rows are new."""
        form = self.form(statement, tracked=split)
        rows, tag = await self._send(form, args, 0)
        if form is statement:
            return Result(rows, affected(tag), verb=verb(tag))
        self.learn(rows)
        return strip(statement, rows, affected(tag), verb=verb(tag))

    async def _write_many(
        self, statement: Statement, rows: Rows[Any], take: Callable[[Any], Row], *, returning: bool
    ) -> Result:
        self.transaction.check()
        plan = self._hooks.plan(statement) if statement.writes else None
        if plan is None:
            return await Many(self, statement, returning=returning, split=False).run(rows, take)

        async def run(batch: Sequence[Row], split: bool, start: int) -> Result:
            many = Many(self, statement, returning=returning, split=split)
            return await many.run(batch, _as_it_is, start)

        batch = taken([item async for item in each(rows)], take, statement.name, 0)
        if not batch:
            return Result([], 0)
        return await plan.around_many(statement, self.transaction, batch, run)

    def form(self, statement: Statement, *, tracked: bool = False) -> Statement:
        """The statement to send: the tracked form if that is wanted, or the number is not known."""
        if statement.read_only:
            return statement
        transaction = self.transaction
        if statement.tracked is not None and (tracked or transaction.xid is None):
            return statement.tracked
        transaction.unproven = True
        return statement

    def learn(self, rows: list[Row]) -> None:
        """Takes the transaction's number from tracked rows."""
        if rows:
            self.transaction.xid = rows[-1][-1]
        else:
            # No row told it, but a CTE may have written.
            self.transaction.unproven = True

    def _own(self, statement: Statement, rows: list[Row]) -> list[Row]:
        """The statement's own columns of tracked rows, which tell the transaction's number."""
        self.learn(rows)
        end = -statement.extra
        return [row[:end] for row in rows]


def _as_it_is(row: Row) -> Row:
    return row
