"""What was found out before, kept on disk: one file per schema, safe to delete at any time."""

import hashlib
import os
import secrets
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from salacia_db.codegen.analysis.outcome import Outcome
from salacia_db.codegen.facts import (
    Cardinality,
    Column,
    CopyTarget,
    NestedField,
    Parameter,
    Query,
    Schema,
    Span,
    Statement,
    TableRef,
    Tracked,
    ValueField,
    Write,
)
from salacia_db.codegen.problems import Problem, Severity

_FILES = 32
"""How many schemas are kept: a few projects, a few branches of each."""
_SPARE = 2000
"""How many statements are kept that the last run didn't have."""


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
    copy_target: CopyTarget | None
    rows_reason: str
    not_read_only: str
    not_clean: str


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


class _Stored(Struct, frozen=True, array_like=True):
    version: Literal[1]
    schema: Schema
    warnings: tuple[Problem, ...]
    outcomes: dict[bytes, msgspec.Raw]


class Cache:
    """Outcomes under one schema. Reading never fails: what can't be read isn't there."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder = folder
        key = hashlib.sha256(f"{fingerprint}\0{_own_source()}".encode()).hexdigest()
        self._path = folder / f"analysis-{key[:32]}.msgpack"
        stored = _read(self._path)
        self.schema: Schema | None = None if stored is None else stored.schema
        """The schema's facts; None where nothing is known of it yet."""
        self.warnings: tuple[Problem, ...] = () if stored is None else stored.warnings
        self._old: dict[bytes, msgspec.Raw] = {} if stored is None else stored.outcomes
        self._used: dict[bytes, msgspec.Raw] = {}
        self._changed = False

    def get(self, statement: Statement) -> Outcome | None:
        """The outcome for a statement, wherever its lines are by now."""
        key = _key(statement)
        raw = self._old.get(key)
        if raw is None:
            return None
        try:
            found = msgspec.msgpack.decode(raw, type=_Outcome)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        self._used[key] = raw
        facts = found.facts
        return Outcome(
            None if facts is None else Query(statement=statement, **_fields(facts)),
            tuple(_attached(problem, statement) for problem in found.problems),
        )

    def put(self, statement: Statement, outcome: Outcome) -> None:
        """Remember an outcome; it is written by `save`."""
        query = outcome.query
        if any(p.at is not None and p.at.file != statement.header.file for p in outcome.problems):
            return
        facts = None
        if query is not None:
            values = {name: getattr(query, name) for name in _Facts.__struct_fields__}
            facts = _Facts(**values)
        detached = _Outcome(facts, tuple(_detached(p, statement) for p in outcome.problems))
        self._used[_key(statement)] = msgspec.Raw(msgspec.msgpack.encode(detached))
        self._changed = True

    def save(self, schema: Schema, warnings: tuple[Problem, ...]) -> None:
        """Write what is new. A cache that can't be written is no error."""
        if not self._changed and self.schema == schema:
            return
        spare = [item for item in self._old.items() if item[0] not in self._used][-_SPARE:]
        stored = _Stored(1, schema, warnings, {**dict(spare), **self._used})
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            _write(self._path, msgspec.msgpack.encode(stored))
            _prune(self._folder)


def _fields(facts: _Facts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in facts.__struct_fields__}


def _read(path: Path) -> _Stored | None:
    try:
        stored = msgspec.msgpack.decode(path.read_bytes(), type=_Stored)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    with suppress(OSError):
        os.utime(path)  # the file was of use: others go first
    return stored


def _write(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that no reader sees a part of it."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _prune(folder: Path) -> None:
    files = sorted(folder.glob("analysis-*.msgpack"), key=lambda path: path.stat().st_mtime)
    for path in files[:-_FILES]:
        path.unlink(missing_ok=True)


def _key(statement: Statement) -> bytes:
    """A hash of all that the outcome depends on beside the schema."""
    start, end = statement.header.start, statement.body.end
    essence = (
        statement.header.file.text[start:end],
        statement.kind,
        statement.dialect,
        statement.sql,
        [(p.number, p.name, p.nullable, p.default) for p in statement.parameters],
    )
    return hashlib.sha256(msgspec.msgpack.encode(essence)).digest()


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


@cache
def _own_source() -> str:
    """A hash of the analyser itself: another version may find something else."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in [*sorted(here.rglob("*.py")), *sorted(here.parent.glob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()
