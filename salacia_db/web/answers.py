"""What a client is told of an error: a status and a line that gives nothing away."""

from collections.abc import Mapping

from msgspec import Struct

from salacia_db.runtime import (
    CheckViolation,
    CommitOutcomeUnknown,
    ConnectionFailed,
    DatabaseError,
    DeadlineExceeded,
    IntegrityError,
    InvalidArgument,
    InvalidCursor,
    InvalidValue,
    NotFound,
    NotNullViolation,
    PermissionDenied,
    ReadOnlyTransaction,
    SalaciaError,
    ServerUnavailable,
    StatementCancelled,
    TransactionRolledBack,
    retry_safe,
)


class Answer(Struct, frozen=True):
    """An error as HTTP has it: `{"error": error}` with a status.

    `retry_after`, in seconds, says that the same request may be sent again by then.
    """

    status: int
    error: str
    retry_after: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that go with it."""
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}


_UNAVAILABLE = "the database can't be reached now; try again"
_UNKNOWN = "nobody knows yet whether this was carried out; look before you repeat it"
_FAILED = "something went wrong here; it has been recorded"

_UNSTORABLE = Answer(400, "a text has a character that can't be stored, such as NUL")
# What PostgreSQL says of them, in a text and in JSON.
_UNSTORABLE_STATES = ("22021", "22P05")

# The first that fits tells.
_ANSWERS: tuple[tuple[type[SalaciaError], Answer], ...] = (
    # No status that a proxy would repeat the request for.
    (CommitOutcomeUnknown, Answer(500, _UNKNOWN)),
    (NotFound, Answer(404, "not found")),
    (
        InvalidCursor,
        Answer(400, "the cursor is damaged or of another list; begin at the first page"),
    ),
    (InvalidValue, Answer(400, "a value is out of range or malformed")),
    (CheckViolation, Answer(400, "a value is not allowed")),
    (NotNullViolation, Answer(400, "a value is missing")),
    (IntegrityError, Answer(409, "this conflicts with what is stored")),
    (PermissionDenied, Answer(403, "this is not allowed")),
    (DeadlineExceeded, Answer(503, "it took too long; nothing was kept")),
    (StatementCancelled, Answer(503, "it took too long; nothing was kept")),
    (ReadOnlyTransaction, Answer(503, "only reading is possible now; try again later")),
    (ConnectionFailed, Answer(503, _UNAVAILABLE)),
    (ServerUnavailable, Answer(503, _UNAVAILABLE)),
)


def answer_to(error: SalaciaError, constraints: Mapping[str, str] | None = None) -> Answer:
    """What to tell a client of an error.

    `constraints` says by name of a constraint what its violation means to people. Values,
    statements and names of the database are never told.
    """
    if isinstance(error, TransactionRolledBack) and isinstance(error.__cause__, SalaciaError):
        return answer_to(error.__cause__, constraints)
    if retry_safe(error):
        return Answer(503, "this is not possible now; try again", retry_after=1)
    if isinstance(error, InvalidArgument) and not isinstance(error, InvalidCursor):
        return Answer(400, f"{error.parameter} is not valid")
    if isinstance(error, DatabaseError) and error.sqlstate in _UNSTORABLE_STATES:
        return _UNSTORABLE
    found = next((told for kind, told in _ANSWERS if isinstance(error, kind)), Answer(500, _FAILED))
    constraint = error.constraint if isinstance(error, DatabaseError) else None
    meaning = (constraints or {}).get(constraint or "")
    return found if meaning is None else Answer(found.status, meaning)
