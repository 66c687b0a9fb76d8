"""Failures: what asyncpg raises, turned into our errors, with the values left out."""

import re
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from salacia_db.runtime import errors
from salacia_db.runtime.asked import a_value_of
from salacia_db.runtime.connections.loss import from_server, lost, misread, of_a_value
from salacia_db.runtime.errors import DatabaseError, SalaciaError
from salacia_db.runtime.values.json import JSON_OID, JSONB_OID, not_json_of
from salacia_db.texts import printable

if TYPE_CHECKING:
    from salacia_db.runtime.connections.connection import Connection
    from salacia_db.runtime.statement import Statement

_BY_STATE: dict[str, type[DatabaseError]] = {
    "23001": errors.ForeignKeyViolation,
    "23502": errors.NotNullViolation,
    "23503": errors.ForeignKeyViolation,
    "23505": errors.UniqueViolation,
    "23514": errors.CheckViolation,
    "23P01": errors.ExclusionViolation,
    "25006": errors.ReadOnlyTransaction,
    "40001": errors.SerializationFailure,
    "40P01": errors.DeadlockDetected,
    "42501": errors.PermissionDenied,
    "55P03": errors.LockNotAvailable,
    "57014": errors.StatementCancelled,
}
_BY_CLASS: dict[str, type[DatabaseError]] = {
    "22": errors.InvalidValue,
    "23": errors.IntegrityError,
    "42": errors.InvalidStatement,
    "53": errors.ServerUnavailable,
    "57": errors.ServerUnavailable,
}
# A prepared statement isn't there, or is there already: it is another session than before.
_UNNAMED = ("26000", "42P05")
_POOLED = "pooler='transaction'"
# At the start only: what follows the colon is the value.
_ARGUMENT = re.compile(
    r"(?:invalid input for )?query argument \$(\d+)"
    r"(?: in element #(\d+) of executemany\(\) sequence)?: "
)
# In front of nothing but the driver's own words and the value.
_ELEMENT = re.compile(r"invalid array element at index (\d+): (?!invalid array)")
# In any language: the table's name comes before the comma.
_COPY_LINE = re.compile(r"^COPY [^\n]*?, \D{1,40}(\d+)(?:$|[,:\n])")
# Where PostgreSQL finds that a name, or the type of a parameter, isn't what it was.
_OPENS_TABLE = "parserOpenTable"
_ANALYSIS = frozenset(
    """
    parserOpenTable ParseFuncOrColumn op_error make_scalar_array_op transformAssignedExpr
    transformTypeCast typenameType select_common_type coerce_to_common_type coerce_to_boolean
    """.split()
)
# In any language.
_PROCEDURAL = "PL/"
_RECEIVES_ROW = "record_recv"
# PostgreSQL translates no internal error.
_LOOKUP = re.compile(r"cache lookup failed for type \d+$")
# What the driver says before it has sent anything, where it still waits for an answer.
_BUSY = "cannot switch to state"
# What the driver says of a type that it knew, and that is gone or another one now.
_OTHER_TYPE = ("could not resolve query result", "no binary format encoder")
# Where functions raise errors of their own.
_RAISED = ("pl_exec.c", "plpy_elog.c", "plperl.c", "pltcl.c")
_QUOTED = re.compile("[\"'«„“].*[\"'»“”]", re.DOTALL)


def never_sent(error: BaseException) -> bool:
    """Whether asyncpg refused before it sent anything, for the state that the connection is in."""
    if isinstance(error, asyncpg.InternalClientError):
        return str(error).startswith(_BUSY)
    return isinstance(error, asyncpg.InterfaceError)


def refused(error: BaseException, connection: "Connection") -> bool:
    """Whether what was asked for is certain not to have been done: the server said so, or asyncpg.

    Anything else, a reply that makes no sense for example, may come from what was.
    """
    if connection.expired:
        return False
    told = from_server(error) and not lost(error, connection.raw)
    return told or never_sent(error)


def reason(error: BaseException) -> str:
    """What happened to the connection, in words without values."""
    if from_server(error) or isinstance(error.__cause__, asyncpg.PostgresError):
        told = error if from_server(error) else error.__cause__
        return printable(str(told.args[0])) if told and told.args else "the server ended it"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "the connection was closed in the middle of an operation"


def explain(
    error: BaseException, connection: "Connection", statement: "Statement", args: Any
) -> BaseException:
    """Our error for what a statement raised; the error itself where it isn't asyncpg's.

    Says nothing yet of what became of a write. `args` are the arguments (a list of them for a
    bulk call, None for COPY, which returns no values), which are looked at but not shown.
    """
    name = statement.name
    if connection.expired:
        return errors.DeadlineExceeded(
            f"{name}: no answer within its deadline; the connection was closed", statement=name
        )
    if lost(error, connection.raw):
        return errors.ConnectionLost(f"{name}: {reason(error)}")
    if isinstance(error, asyncpg.PostgresError) and from_server(error):
        changed = _schema_changed(error, connection, statement)
        return database_error(error, name, errors.SchemaChanged if changed else None)
    if isinstance(error, asyncpg.OutdatedSchemaCacheError):
        connection.forget_types()
        what = errors.SchemaChanged if statement.read_only else errors.DatabaseError
        return what(
            f"{name}: it ran, but its result can't be read: a type has changed meanwhile",
            sqlstate="0A000",
            statement=name,
        )
    if isinstance(error, asyncpg.InternalClientError) and str(error).startswith(_OTHER_TYPE):
        connection.forget_types()
        return errors.SchemaChanged(
            f"{name}: a type was dropped or changed while it was looked up",
            sqlstate="42704",
            statement=name,
        )
    if isinstance(error, (asyncpg.PostgresError, asyncpg.InterfaceError)):
        return _client_error(error, connection, statement, args) or error
    if isinstance(error, msgspec.DecodeError):
        where = a_value_of(_json_columns(connection, statement))
        return errors.InvalidValue(
            f"{name}: it ran, but {where} is {not_json_of(statement.json, error)}",
            sqlstate="22032",
            statement=name,
        )
    if args is not None and _undecoded(error):
        # What can't be written asyncpg reports as its own error: this is a value that came.
        return errors.InvalidValue(
            f"{name}: it ran, but a value of its result is none that Python has, as a date outside"
            " of the years 1 to 9999; cast it to text",
            sqlstate="22008",
            statement=name,
        )
    if misread(error):
        # As where the server's last words came just before COPY: the driver has lost track, and
        # would leave the connection open and in disorder.
        connection.raw.terminate()
        return errors.ConnectionLost(f"{name}: what the server answered makes no sense")
    return error


def outdated(failure: BaseException) -> bool:
    """Whether a statement failed for what was known of the schema, and may be run again as it is.

    What was known is forgotten by now.
    """
    return isinstance(failure, errors.SchemaChanged) or (
        isinstance(failure, errors.InvalidArgument) and failure.outdated
    )


def _schema_changed(
    error: asyncpg.PostgresError, connection: "Connection", statement: "Statement"
) -> bool:
    """Whether the server refused a statement for what was prepared, or known of types, before.

    Then that is forgotten.
    """
    if _PROCEDURAL in (error.context or ""):
        return False  # a procedure may have committed before
    if error.server_source_function == _RECEIVES_ROW:
        # The driver sent a composite as it used to be.
        return connection.learn_anew()
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        connection.forget(statement)
        return True
    if error.sqlstate == "XX000" and _LOOKUP.match(str(error.args[0])):
        # A parameter's type is gone: it was dropped, and made again perhaps.
        connection.forget_types()
        return True
    if error.server_source_function not in _ANALYSIS or error.context:
        return False
    # It had been analysed before, without complaint.
    prepared = statement in connection.held
    if error.server_source_function == _OPENS_TABLE:
        # The session may have an older search_path.
        connection.retire()
    return connection.forget(statement) or prepared


def _undecoded(error: BaseException) -> bool:
    return isinstance(error, (ValueError, OverflowError)) and of_a_value(error)


def _json_columns(connection: "Connection", statement: "Statement") -> list[str]:
    prepared = connection.held.get(statement)
    columns = () if prepared is None else prepared.get_attributes()
    return [column.name for column in columns if column.type.oid in (JSON_OID, JSONB_OID)]


def _client_error(
    error: Exception, connection: "Connection", statement: "Statement", args: Any
) -> SalaciaError | None:
    """Our error for what asyncpg refused before sending: a wrong argument or their number."""
    name, parameters = statement.name, statement.parameters
    text = str(error.args[0]) if error.args else ""
    match = _ARGUMENT.match(text)
    if match is None:
        if not isinstance(error, asyncpg.InterfaceError):
            return None
        # Of one that is closed already, this is not what the caller is told.
        return errors.UsageError(f"{name}: {text}")
    index = int(match[1]) - 1
    row = int(match[2]) if match[2] else None
    prepared = connection.held.get(statement)
    types = () if prepared is None else prepared.get_parameters()
    parameter = parameters[index] if index < len(parameters) else f"${index + 1}"
    expected = str(types[index].name) if index < len(types) else "its type"
    value = (args if row is None else args[row])[index]
    where = f"argument {parameter}" + ("" if row is None else f" of row {row}")
    element = _ELEMENT.match(str(error.__cause__))
    if element is None or any(isinstance(part, list) for part in value):
        what = f"{where} is {kind(value)} that doesn't fit {expected}"
    else:
        place = int(element[1])
        what = f"{where} doesn't fit {expected}: at index {place} is {kind(value[place])}"
    refused = errors.InvalidArgument(f"{name}: {what}", parameter=parameter, expected=expected)
    # The parameter may have another type by now, or its type other attributes.
    if index < len(types) and types[index].kind in ("composite", "array"):
        refused.outdated = connection.learn_anew()
    else:
        refused.outdated = connection.forget(statement)
    return refused


def kind(value: object) -> str:
    """What the value is, for messages, which never show it itself."""
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}"


def database_error(
    error: asyncpg.PostgresError, statement: str | None, as_: type[DatabaseError] | None = None
) -> DatabaseError:
    """Our error for PostgreSQL's, which becomes its cause, stripped of everything with values."""
    line = _COPY_LINE.match(error.context or "")
    hint = None if error.server_source_filename in _RAISED else error.hint
    _strip(error)
    state = error.sqlstate or ""
    cls = as_ or _BY_STATE.get(state) or _BY_CLASS.get(state[:2]) or DatabaseError
    message = str(error.args[0])
    if cls is errors.InvalidStatement and hint:
        message = f"{message}; {printable(hint)}"
    if state in _UNNAMED:
        message = f"{message}; behind a pooler in transaction mode, connect with {_POOLED}"
    ours = cls(
        f"{statement}: {message}" if statement else message,
        sqlstate=state,
        statement=statement,
        constraint=error.constraint_name,
        table=error.table_name,
        column=error.column_name,
    )
    if line is not None:
        ours.index = int(line[1]) - 1
        ours.args = (f"{ours.args[0]} (row {ours.index} of the list)",)
    # The driver's frames hold the arguments.
    ours.__cause__ = error.with_traceback(None)
    return ours


def _strip(error: asyncpg.PostgresError) -> None:
    """DETAIL shows the row, CONTEXT lines of a COPY or of JSON, class 22 quotes the value.

    A hint may be a function's own, about its arguments.
    """
    message = str(error.args[0]) if error.args else ""
    state = error.sqlstate or ""
    if state.startswith("22"):
        message = _QUOTED.sub('"…"', message)
    message = printable(message)
    error.args = (message,)
    vars(error).update(dict.fromkeys(("detail", "hint", "context", "internal_query")))
    vars(error)["message"] = message
