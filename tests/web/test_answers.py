"""What clients are told of each error, and what they are not."""

import pytest

from salacia_db.runtime import errors
from salacia_db.runtime.errors import (
    DatabaseError,
    InvalidArgument,
    QueueFull,
    SalaciaError,
    TransactionRolledBack,
    UniqueViolation,
    WriteDeadlineExceeded,
)
from salacia_db.web import answer_to

STATUSES = {
    "CheckViolation": 400,
    "CommitOutcomeUnknown": 500,
    "ConcurrentUse": 500,
    "ConfigurationError": 500,
    "ConnectionFailed": 503,
    "ConnectionLost": 503,
    "DatabaseError": 500,
    "DeadlineExceeded": 503,
    "DeadlockDetected": 503,
    "ExclusionViolation": 409,
    "ForeignKeyViolation": 409,
    "IntegrityError": 409,
    "InvalidArgument": 400,
    "InvalidCursor": 400,
    "InvalidStatement": 500,
    "InvalidValue": 400,
    "LockNotAvailable": 503,
    "NotFound": 404,
    "NotNullViolation": 400,
    "PermissionDenied": 403,
    "PoolDeadlock": 500,
    "PoolTimeout": 503,
    "QueueFull": 503,
    "ReadOnlyTransaction": 503,
    "SalaciaError": 500,
    "SchemaChanged": 503,
    "SerializationFailure": 503,
    "ServerUnavailable": 503,
    "StatementCancelled": 503,
    "TransactionRolledBack": 500,
    "UniqueViolation": 409,
    "UsageError": 500,
    "WriteDeadlineExceeded": 500,
    "WrongEventLoop": 500,
    "WrongProcess": 500,
}
HIDDEN = "secret_table of value 17"


def made(kind: type[SalaciaError]) -> SalaciaError:
    """An error of this class."""
    if issubclass(kind, DatabaseError):
        return kind(HIDDEN, sqlstate="XX000", constraint="c", table="t", column="c")
    if kind is InvalidArgument:
        return InvalidArgument(HIDDEN, parameter="limit", expected="int8")
    if issubclass(kind, InvalidArgument):
        return kind(HIDDEN, parameter="after")
    if kind is QueueFull:
        return QueueFull(HIDDEN, statement="s")
    return kind(HIDDEN)


def test_every_error_has_a_status() -> None:
    assert set(errors.__all__) - {"retry_safe"} == STATUSES.keys()


@pytest.mark.parametrize("name", STATUSES)
def test_an_error_is_told_by_its_status_alone(name: str) -> None:
    error = made(getattr(errors, name))
    answer = answer_to(error)
    assert answer.status == STATUSES[name]
    assert "17" not in answer.error
    assert "table" not in answer.error
    # Who is told to repeat a request may do so.
    assert (answer.retry_after is not None) == error.retry_safe
    assert answer.headers == ({"retry-after": "1"} if error.retry_safe else {})


def test_a_constraint_has_a_meaning() -> None:
    taken = UniqueViolation(HIDDEN, sqlstate="23505", constraint="name_key")
    assert answer_to(taken, {"name_key": "the name is taken"}).error == "the name is taken"
    assert answer_to(taken, {"other": "the name is taken"}).status == 409


def test_an_argument_is_named() -> None:
    assert answer_to(made(InvalidArgument)).error == "limit is not valid"


def test_what_was_swallowed_is_told() -> None:
    error = TransactionRolledBack(HIDDEN)
    error.__cause__ = UniqueViolation(HIDDEN, sqlstate="23505")
    assert answer_to(error).status == 409


def test_what_may_have_happened_is_never_said_to_be_undone() -> None:
    assert "look" in answer_to(WriteDeadlineExceeded(HIDDEN)).error
