"""COPY: the fastest way in, from any iterable, and out, as CSV."""

import inspect
import os
import secrets
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salacia_db.runtime.bulk.chunks import ROWS, each
from salacia_db.runtime.bulk.given import CopyTarget, Output, Rows
from salacia_db.runtime.bulk.guarded import guarded
from salacia_db.runtime.bulk.taking import refused
from salacia_db.runtime.connections import loss
from salacia_db.runtime.connections.connection import Connection
from salacia_db.runtime.errors import InvalidArgument
from salacia_db.runtime.result import affected
from salacia_db.runtime.statement import Row, Statement

if TYPE_CHECKING:
    from salacia_db.runtime.units.session import TransactionSession


async def copy_in(
    session: "TransactionSession",
    statement: Statement,
    target: CopyTarget,
    rows: Rows[Any],
    take: Callable[[Any], Row],
) -> int:
    """Copies all rows into the table, or none; how many they were.

    The deadline is for a thousand rows, so that a call may be of any length.
    """

    own: list[BaseException] = []

    async def run(connection: Connection) -> int:
        session.transaction.unproven = True

        def progress() -> None:
            connection.start(statement, session.timeout)

        progress()
        records = _Records(rows, take, progress, statement.name)
        work = connection.raw.copy_records_to_table(
            target.table, schema_name=target.schema, columns=target.columns, records=records
        )
        try:
            return affected(await guarded(connection, work))
        except Exception as error:
            if error is records.error:
                own.append(error)
            # asyncpg has asked the server to cancel; the transaction is lost.
            session.transaction.frames[-1].cancelled |= bool(own) or not loss.from_server(error)
            if own or not records.under_way or loss.lost(error, connection.raw):
                raise
        refused = InvalidArgument(
            f"{statement.name}: a value of row {records.count - 1} doesn't fit its column",
            parameter="rows",
            expected=f"the columns of {target.schema}.{target.table}",
        )
        refused.index = records.count - 1
        raise refused

    try:
        return await session.on(statement, None, run)
    except Exception:
        if not own:
            raise
    # Not the driver's view of it, to which an OSError is a lost connection.
    raise own[0]


class _Records:
    """Records for COPY: counts them, and tells the source's own errors from the driver's.

    `under_way`: one has been given, and the driver hasn't asked for the next. What it raises then
    is about a value of that.
    """

    def __init__(
        self,
        source: Rows[Any],
        take: Callable[[Any], Row],
        progress: Callable[[], None],
        name: str,
    ) -> None:
        self._source = source
        self._take = take
        self._progress = progress
        self._name = name
        self.count = 0
        self.under_way = False
        self.error: BaseException | None = None

    async def __aiter__(self) -> AsyncIterator[Row]:
        try:
            async for item in each(self._source):
                try:
                    record = self._take(item)
                except Exception as error:
                    refusal = refused(item, error, self._name, self.count)
                else:
                    self.count += 1
                    if self.count % ROWS == 0:
                        self._progress()
                    self.under_way = True
                    yield record
                    self.under_way = False
                    continue
                # Not in the handler: Python's error holds the value, and isn't to be context.
                raise refusal
        except BaseException as error:
            self.error = error
            raise


async def copy_out(
    session: "TransactionSession", statement: Statement, args: Row, to: Output
) -> int:
    """Copies a query's rows out as CSV with a header, in UTF-8; how many they were."""
    own: list[BaseException] = []

    with _opened(to) as write:

        async def run(connection: Connection) -> int:
            session.transaction.unproven |= not statement.read_only

            async def sink(data: bytes) -> None:
                connection.start(statement, session.timeout)
                try:
                    told = write(data)
                    if inspect.isawaitable(told):
                        await told
                except BaseException as error:
                    own.append(error)
                    raise

            connection.start(statement, session.timeout)
            # The text may end in a comment.
            sql = f"{statement.sql}\n"
            work = connection.raw.copy_from_query(
                sql, *args, output=sink, encoding="utf-8", format="csv", header=True
            )
            try:
                return affected(await guarded(connection, work))
            except Exception:
                # asyncpg has asked the server to cancel; the transaction is lost.
                session.transaction.frames[-1].cancelled |= bool(own)
                raise

        try:
            return await session.on(statement, args, run)
        except Exception:
            if not own:
                raise
        # Not the driver's view of it, to which an OSError is a lost connection.
        raise own[0]


@contextmanager
def _opened(to: Output) -> Generator[Callable[[bytes], object]]:
    """What takes the bytes. Of a path, a file beside it that replaces it at the end."""
    if callable(to):
        yield to
    elif isinstance(to, (str, os.PathLike)):
        path = Path(to)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with beside.open("xb") as file:
                yield file.write
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    else:
        yield to.write
