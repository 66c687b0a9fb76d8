"""Outcomes as bytes: their places count from the statement's start, so that it may move."""

from typing import Any

import msgspec
from msgspec import Struct

from salacia_db.codegen.analysis.outcome import Outcome
from salacia_db.codegen.facts import (
    Batch,
    Cardinality,
    Column,
    CopyTarget,
    Dynamic,
    Emptied,
    NestedField,
    Paging,
    Parameter,
    Query,
    Span,
    Statement,
    TableColumns,
    TableRef,
    Tracked,
    Unnested,
    ValueField,
    Write,
)
from salacia_db.codegen.problems import Problem, Severity


class _Facts(Struct, frozen=True, array_like=True):
    """A `Query` without its statement, which moves when the lines above it change."""

    sql: str
    parameters: tuple[Parameter, ...]
    columns: tuple[Column, ...]
    fields: tuple[ValueField | NestedField, ...]
    table: TableRef | None
    cardinality: Cardinality
    read_only: bool
    clean: bool
    reads: tuple[TableRef, ...]
    writes: tuple[Write, ...]
    tracked: Tracked | None
    batch: Batch | None
    copy_target: CopyTarget | None
    dynamic: Dynamic | None
    emptied: Emptied | None
    paging: Paging | None
    unnested: tuple[Unnested, ...]
    rows_reason: str
    not_read_only: str
    not_clean: str
    columns_read: tuple[TableColumns, ...] | None
    columns_written: tuple[TableColumns, ...] | None
    uses_time: bool
    before_begin: bool


class _Problem(Struct, frozen=True, array_like=True):
    """A problem, its place counted from the start of the statement's annotation."""

    message: str
    start: int | None
    end: int
    hint: str | None
    severity: Severity


class _Outcome(Struct, frozen=True, array_like=True):
    facts: _Facts | None
    problems: tuple[_Problem, ...]


def pack(outcome: Outcome, statement: Statement) -> bytes | None:
    """The outcome of a statement as bytes; None where a problem of it lies in another file."""
    if any(p.at is not None and p.at.file != statement.header.file for p in outcome.problems):
        return None
    query, facts = outcome.query, None
    if query is not None:
        facts = _Facts(**{name: getattr(query, name) for name in _Facts.__struct_fields__})
    detached = _Outcome(facts, tuple(_detached(p, statement) for p in outcome.problems))
    return msgspec.msgpack.encode(detached)


def unpack(raw: bytes | msgspec.Raw, statement: Statement) -> Outcome | None:
    """The outcome of the statement, wherever its lines are by now; None where it can't be read."""
    try:
        found = msgspec.msgpack.decode(raw, type=_Outcome)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    facts = found.facts
    return Outcome(
        None if facts is None else Query(statement=statement, **_fields(facts)),
        tuple(_attached(problem, statement) for problem in found.problems),
    )


def _fields(facts: _Facts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in facts.__struct_fields__}


def _detached(problem: Problem, statement: Statement) -> _Problem:
    at, origin = problem.at, statement.header.start
    start, end = (None, 0) if at is None else (at.start - origin, at.end - origin)
    return _Problem(problem.message, start, end, problem.hint, problem.severity)


def _attached(problem: _Problem, statement: Statement) -> Problem:
    origin = statement.header.start
    at = None
    if problem.start is not None:
        at = Span(statement.header.file, problem.start + origin, problem.end + origin)
    return Problem(problem.message, at, problem.hint, problem.severity)
