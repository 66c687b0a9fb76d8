"""Bulk calls: a statement for each row of a list, chunk by chunk, all in one transaction."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import msgspec

from salacia_db.runtime.bulk.chunks import chunks
from salacia_db.runtime.bulk.given import Rows
from salacia_db.runtime.bulk.guarded import guarded
from salacia_db.runtime.bulk.records import records
from salacia_db.runtime.connections.connection import Connection
from salacia_db.runtime.errors import DatabaseError, InvalidArgument
from salacia_db.runtime.result import Result, affected, strip
from salacia_db.runtime.statement import Form, Row, Statement, Unnested

if TYPE_CHECKING:
    from salacia_db.runtime.units.session import TransactionSession

# What a row is refused for: a second change of one row, its values, a constraint, a trigger, a
# policy, a view's condition or its size. Anything else would come again, or is nobody's fault.
_OF_A_ROW = ("21", "22", "23", "38", "39", "42501", "44", "54", "P0")
# What only the form for many rows may be refused for.
_OF_THE_FORM = ("21", "42", "0A")
# From so many bytes a row on, PostgreSQL reads lists faster than JSON.
_LARGE = 500

_encode = msgspec.json.Encoder().encode


class Many:
    """One bulk call. The result is that of running the statement for one row after the other.

    A form for many rows at once is tried first. Where that can't be what the statement means for
    these rows, or where a row is refused, the chunk is undone and the statement runs row by row;
    if that fails, too, halves tell the first row at fault.
    """

    def __init__(
        self, session: "TransactionSession", statement: Statement, *, returning: bool, split: bool
    ) -> None:
        self.session = session
        self.transaction = session.transaction
        self.statement = statement
        self.returning = returning
        self.split = split
        self.part = ""
        """The savepoint before each part of the call, of which there is none for a single row."""
        self.large = False
        """Whether the rows of the chunk are, on average."""

    async def run(self, source: Rows[Any], take: Callable[[Any], Row], start: int = 0) -> Result:
        """Runs all of it. An error carries the index of its row, and leaves nothing written.

        `start` is the place of the first row in the caller's list.
        """
        result = Result([], 0, verb="INSERT")
        with ExitStack() as stack:
            async for rows, size, last in chunks(source, take, self.statement.name, start):
                self.transaction.check()
                self.large = size > _LARGE * len(rows)
                if not self.part and not (last and len(rows) == 1):
                    self.part = f"{stack.enter_context(self.transaction.whole_call())}_part"
                result.extend(await self._rows(rows, start))
                start += len(rows)
        return result

    async def _rows(self, rows: list[Row], start: int) -> Result:
        if len(rows) == 1:
            return await self._one(rows[0], start)
        self.transaction.mark(self.part)
        try:
            result = await self._at_once(rows)
            return await self.row_by_row(rows) if result is None else result
        except (DatabaseError, InvalidArgument) as error:
            if isinstance(error, DatabaseError) and not error.sqlstate.startswith(_OF_A_ROW):
                raise
        self.transaction.rewind(self.part)
        half = len(rows) // 2
        result = await self._rows(rows[:half], start)
        result.extend(await self._rows(rows[half:], start + half))
        return result

    async def _one(self, row: Row, index: int) -> Result:
        try:
            return await self.session.write_one(self.statement, row, self.split)
        except (DatabaseError, InvalidArgument) as error:
            error.index = index
            error.args = (f"{error.args[0]} (row {index} of the list)",)
            raise

    async def _at_once(self, rows: list[Row]) -> Result | None:
        """The result of a form for many rows; None where there is none, or none fits."""
        forms = self.statement.unnested
        if self.large:
            forms = forms[-1:]
        for form, how in forms:
            columns = _columns(rows, how)
            if columns is not None:
                return await self._sent(Form(form, how), columns)
        return None

    async def _sent(self, form_: Form, columns: list[Any]) -> Result | None:
        """The result of the form for all rows; None where it doesn't fit."""
        how = form_.how
        form = self.session.form(form_.statement, tracked=self.split)

        async def run(connection: Connection) -> tuple[list[Row], bytes]:
            prepared = connection.start(form, self.session.timeout)
            if prepared is None:
                prepared = await connection.prepare(form)
            found: list[Row]
            tag: bytes
            state = prepared._state
            found, tag, _ = await connection.bind_execute(state, columns, "", 0, True, None)
            return found, tag

        try:
            found, tag = await self.session.on(form, columns, run)
        except (DatabaseError, InvalidArgument) as error:
            if isinstance(error, DatabaseError) and not error.sqlstate.startswith(_OF_THE_FORM):
                raise
            self.transaction.rewind(self.part)
            return None
        if how.positioned and found:
            place = len(found[0]) - form.extra
            pairs = place + 1
            if found[0][pairs] != len(found):
                self.transaction.rewind(self.part)
                return None
            found.sort(key=lambda row: row[place])
        if form.tracked is None:
            self.session.learn(found)
        if form.extra == 0:
            return Result(found, affected(tag), verb="INSERT")
        return strip(form, found, affected(tag), verb="INSERT")

    async def row_by_row(self, rows: list[Row]) -> Result:
        """Runs the statement for each of some rows, without waiting in between."""
        # Only rows tell how many were affected: the driver drops all tags but the last.
        statement, returning = self.statement, self.returning
        form = self.session.form(statement, tracked=self.split or not returning)

        async def run(connection: Connection) -> tuple[list[Row], int]:
            prepared = connection.start(form, self.session.timeout)
            if prepared is None:
                prepared = await connection.prepare(form)
            if form is not statement or returning:
                found: list[Row] = await guarded(connection, prepared.fetchmany(rows))
                return found, len(found)
            count = 0
            for row in rows:
                connection.start(form, self.session.timeout)
                await prepared.fetch(*row)
                count += affected(prepared.get_statusmsg())
            return [], count

        found, count = await self.session.on(form, rows, run)
        if form is statement:
            return Result(found, count, verb="INSERT")
        self.session.learn(found)
        return strip(statement, found, count, verb="INSERT")


def _columns(rows: list[Row], how: Unnested) -> list[Any] | None:
    """The arguments of a form; None where values can't travel as JSON."""
    columns: list[Any] = list(zip(*rows, strict=True))
    for position in how.json:
        # To the driver a list within an array is a further dimension of it.
        columns[position] = [
            None if value is None else msgspec.Raw(_encode(value)) for value in columns[position]
        ]
    if not how.records:
        return columns
    text = records([columns[position] for position in how.records], list(how.records.values()))
    if text is None:
        return None
    return [text, *(c for n, c in enumerate(columns) if n not in how.records)]
