"""What clients are told of each error, and what they are not."""

import pytest

from salacia_db.runtime import errors
from salacia_db.runtime.errors import (
    DatabaseError,
    InvalidArgument,
    SalaciaError,
    TransactionRolledBack,
    UniqueViolation,
    WriteDeadlineExceeded,
)
from salacia_db.web import answer_to

# All others are failures of ours: 500, or 503 where it helps to ask again.
STATUSES = {
    "CheckViolation": 400,
    "ConnectionFailed": 503,
    "DeadlineExceeded": 503,
    "ExclusionViolation": 409,
    "ForeignKeyViolation": 409,
    "IntegrityError": 409,
    "InvalidArgument": 400,
    "InvalidCursor": 400,
    "InvalidValue": 400,
    "NotFound": 404,
    "NotNullViolation": 400,
    "PermissionDenied": 403,
    "ReadOnlyTransaction": 503,
    "ServerUnavailable": 503,
    "StatementCancelled": 503,
    "UniqueViolation": 409,
}
NAMES = [name for name in errors.__all__ if name != "retry_safe"]
HIDDEN = "secret_table of value 17"


def made(kind: type[SalaciaError]) -> SalaciaError:
    """An error of this class, whatever else it is made of."""
    error = kind.__new__(kind, HIDDEN)
    error.args = (HIDDEN,)
    if issubclass(kind, DatabaseError):
        error.__dict__.update(sqlstate="XX000", constraint="c", table="t", column="c")
    if issubclass(kind, InvalidArgument):
        error.__dict__.update(parameter="limit", expected="int8")
    return error


def test_each_of_these_is_an_error() -> None:
    assert STATUSES.keys() <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_error_is_told_by_its_status_alone(name: str) -> None:
    error = made(getattr(errors, name))
    answer = answer_to(error)
    assert answer.status == STATUSES.get(name, 503 if error.retry_safe else 500)
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
