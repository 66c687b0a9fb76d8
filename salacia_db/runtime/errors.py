"""What can go wrong: one small tree, which says what a caller can do about each."""

from typing import Literal, Protocol, TypeVar

from salacia_db.config import ConfigurationError, SalaciaError

__all__ = [
    "CheckViolation",
    "CommitOutcomeUnknown",
    "ConcurrentUse",
    "ConfigurationError",
    "ConnectionFailed",
    "ConnectionLost",
    "DatabaseError",
    "DeadlineExceeded",
    "DeadlockDetected",
    "ExclusionViolation",
    "ForeignKeyViolation",
    "IntegrityError",
    "InvalidArgument",
    "InvalidCursor",
    "InvalidStatement",
    "InvalidValue",
    "LockNotAvailable",
    "NotFound",
    "NotNullViolation",
    "PermissionDenied",
    "PoolDeadlock",
    "PoolTimeout",
    "QueueFull",
    "ReadOnlyTransaction",
    "SalaciaError",
    "SchemaChanged",
    "SerializationFailure",
    "ServerUnavailable",
    "StatementCancelled",
    "TooManyRows",
    "TransactionRolledBack",
    "UniqueViolation",
    "UsageError",
    "WriteDeadlineExceeded",
    "WrongEventLoop",
    "WrongProcess",
    "retry_safe",
]

E = TypeVar("E", bound=SalaciaError)


def retry_safe(error: BaseException) -> bool:
    """Whether the unit of work, or the lone statement, that raised this can be run again as it is.

    True only where the server is known to have kept nothing of it, and where trying again may
    help: a serialization failure, a deadlock, a lost connection before COMMIT, a full pool.
    """
    return isinstance(error, SalaciaError) and error.retry_safe


def another(error: E) -> E:
    """The same error for another caller, who gets a traceback and notes of its own."""
    made = type(error).__new__(type(error), *error.args)
    # Those that are an OSError, too, only take them from __init__.
    made.args = error.args
    made.__dict__.update(error.__dict__)
    made.__cause__ = error.__cause__
    return made


# --- misuse: the program must change --------------------------------------------------------------


class UsageError(SalaciaError, RuntimeError):
    """The program uses the library in a way that can't work; the message says what to change.

    For example: a unit of work after its end, a database that is not open, a hook that replaces
    an argument which the statement doesn't have.
    """


class ConcurrentUse(UsageError):
    """Two tasks used one unit of work at once. Give each task a unit, or await one by one."""


class PoolDeadlock(UsageError):
    """A task that holds a connection would wait for another that can never become free.

    All connections are held by units of work whose tasks wait for one themselves; the message names
    them. Use the unit of work that is there, end it first, or raise `pool_max`.
    """


class WrongEventLoop(UsageError):
    """A database was used on another event loop than the one that it was opened on."""


class WrongProcess(UsageError):
    """A database was used after a fork. Open one in each process, after the fork."""


class InvalidArgument(SalaciaError, ValueError):
    """An argument doesn't fit its parameter's type; nothing was sent to the server.

    `parameter` is its name, `expected` PostgreSQL's name of the type. The value is not shown.
    `index` is the place of its row in the list of a bulk call, from 0; else None.
    """

    index: int | None = None
    # The type is that of a statement prepared some time ago.
    outdated: bool = False

    def __init__(self, message: str, *, parameter: str, expected: str) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.expected = expected


class InvalidCursor(InvalidArgument):
    """A cursor is damaged, or belongs to another query, another order or another filter.

    Begin again at the first page.
    """

    def __init__(self, message: str, *, parameter: str) -> None:
        super().__init__(message, parameter=parameter, expected="a cursor of this query")


# --- waiting and connections ----------------------------------------------------------------------


class PoolTimeout(SalaciaError, TimeoutError):
    """No connection became free in time. The message says who holds them, and since when."""

    retry_safe = True


class QueueFull(SalaciaError):
    """As many calls as `batch_queue` allows wait for a batch of this statement; none was sent.

    More are asked for than the server can do: turn some of the callers away.
    """

    retry_safe = True

    def __init__(self, message: str, *, statement: str) -> None:
        super().__init__(message)
        self.statement = statement


class ConnectionFailed(SalaciaError, ConnectionError):
    """No connection could be opened: the server is away, full, or refuses us."""

    retry_safe = True


class ConnectionLost(SalaciaError, ConnectionError):
    """The connection broke, and nothing of the unit of work or statement was kept."""

    retry_safe = True


Outcome = Literal["committed", "aborted", "unknown"]


class _Server(Protocol):
    """A `Database`, or what else can ask the same server."""

    async def outcome(self, xid: int, incarnation: str, timeout: float) -> Outcome: ...


class DeadlineExceeded(SalaciaError, TimeoutError):
    """A statement outlived its deadline; its connection was closed, its transaction is undone."""

    def __init__(self, message: str, *, statement: str | None = None) -> None:
        super().__init__(message)
        self.statement = statement


class CommitOutcomeUnknown(SalaciaError):
    """The reply to COMMIT was lost, and it can't be found out now whether it was carried out.

    Never repeat the work without looking. `xid` is the transaction's number (None where it isn't
    known), `incarnation` the server's life that it belongs to; `resolve()` asks again later.
    A lone writing statement is a transaction of its own.
    """

    def __init__(
        self, message: str, *, xid: int | None = None, incarnation: str | None = None
    ) -> None:
        super().__init__(message)
        self.xid = xid
        self.incarnation = incarnation

    async def resolve(self, database: _Server, *, timeout: float = 30.0) -> Outcome:
        """Asks the server what became of the transaction, for up to `timeout` seconds.

        "unknown" means that this server can't tell: the number is not known, it has forgotten it,
        it can't be reached, or it is another server or another life of it.
        """
        if self.xid is None or self.incarnation is None:
            return "unknown"
        return await database.outcome(self.xid, self.incarnation, timeout)


class WriteDeadlineExceeded(DeadlineExceeded, CommitOutcomeUnknown):
    """A writing statement outside a unit of work outlived its deadline: it may have happened."""

    def __init__(self, message: str, *, statement: str | None = None) -> None:
        DeadlineExceeded.__init__(self, message, statement=statement)
        self.xid = None
        self.incarnation = None


class TransactionRolledBack(SalaciaError):
    """The unit of work ended normally, but an error inside was swallowed: nothing was kept.

    That error is the cause. To go on after an expected error, put the statement into a nested
    unit of work.
    """


class NotFound(SalaciaError, LookupError):
    """A statement that must return a row returned none. `statement` is its name."""

    def __init__(self, statement: str = "") -> None:
        super().__init__(f"{statement}: no such row" if statement else "no such row")
        self.statement = statement


class TooManyRows(SalaciaError):
    """A query returned more rows than `max_rows` allows; none of them is given.

    `statement` is its name, `limit` so many were allowed. A unit of work can go on. Read them by a
    `:stream` or page by page, or limit them.
    """

    def __init__(self, statement: str, limit: int) -> None:
        super().__init__(
            f"{statement}: more than {limit} rows, which is the most that max_rows allows: "
            "make it a :stream or a :page, or LIMIT it"
        )
        self.statement = statement
        self.limit = limit


# --- what the server says -------------------------------------------------------------------------


class DatabaseError(SalaciaError):
    """PostgreSQL refused a statement. Its own error, without the detail, is the cause.

    `sqlstate` is its code, `statement` the query's name (None for raw SQL), `constraint`,
    `table` and `column` name what was violated, where the server says so. Values are not shown.
    `index` is the place of the row at fault in the list of a `:bulk` or `:copy`, from 0; None where
    there is no list, or where the error came only after all rows, as that of a deferred constraint.
    """

    index: int | None = None

    def __init__(
        self,
        message: str,
        *,
        sqlstate: str,
        statement: str | None = None,
        constraint: str | None = None,
        table: str | None = None,
        column: str | None = None,
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.statement = statement
        self.constraint = constraint
        self.table = table
        self.column = column


class IntegrityError(DatabaseError):
    """A constraint was violated; `constraint` is its name."""


class UniqueViolation(IntegrityError):
    """A row with this key exists already."""


class ForeignKeyViolation(IntegrityError):
    """The row that is referred to is missing, or is still referred to."""


class NotNullViolation(IntegrityError):
    """`column` of `table` must have a value."""


class CheckViolation(IntegrityError):
    """A CHECK constraint, of a table or a domain, is not satisfied."""


class ExclusionViolation(IntegrityError):
    """A row that excludes this one exists already."""


class InvalidValue(DatabaseError):
    """A value is out of its type's range, or malformed (SQLSTATE class 22)."""


class InvalidStatement(DatabaseError):
    """The SQL doesn't fit the schema, or is no SQL (class 42): generate again, or migrate."""


class PermissionDenied(DatabaseError):
    """The role may not do this."""


class ReadOnlyTransaction(DatabaseError):
    """A write in a read-only transaction, or on a standby."""


class SchemaChanged(DatabaseError):
    """The schema changed under a prepared statement: run the unit of work again.

    Outside a unit of work the statement is repeated by itself.
    """

    retry_safe = True


class SerializationFailure(DatabaseError):
    """Concurrent transactions got in each other's way: run the unit of work again."""

    retry_safe = True


class DeadlockDetected(DatabaseError):
    """Transactions waited for each other, and this one was chosen to yield: run it again."""

    retry_safe = True


class LockNotAvailable(DatabaseError):
    """A lock wasn't free (NOWAIT), or not within lock_timeout."""

    retry_safe = True


class StatementCancelled(DatabaseError):
    """The server cancelled the statement: statement_timeout, or an operator."""


class ServerUnavailable(DatabaseError):
    """The server is starting, stopping, full or out of a resource (classes 53, 57P)."""

    retry_safe = True
