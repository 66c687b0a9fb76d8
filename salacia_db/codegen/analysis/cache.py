"""What was found out before, kept on disk: one file per schema, safe to delete at any time."""

import hashlib
import os
import secrets
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from salacia_db.codegen.analysis.outcome import Outcome
from salacia_db.codegen.analysis.packed import pack, unpack
from salacia_db.codegen.facts import Schema, Statement
from salacia_db.codegen.problems import Problem

_FILES = 32
"""How many schemas are kept: a few projects, a few branches of each."""
_SPARE = 2000
"""How many statements are kept that the last run didn't have."""


class _Stored(Struct, frozen=True, array_like=True):
    version: Literal[1]
    schema: Schema
    warnings: tuple[Problem, ...]
    outcomes: dict[bytes, msgspec.Raw]


def cache_key(fingerprint: str) -> str:
    """What all outcomes depend on beside their statement: the schema, and the analyser itself."""
    return hashlib.sha256(f"{fingerprint}\0{_own_source()}".encode()).hexdigest()[:32]


class Cache:
    """Outcomes under one schema. Reading never fails: what can't be read isn't there."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder = folder
        self.key = cache_key(fingerprint)
        """What names this schema and this analyser."""
        self._path = folder / f"analysis-{self.key}.msgpack"
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
        found = unpack(raw, statement)
        if found is not None:
            self._used[key] = raw
        return found

    def put(self, statement: Statement, outcome: Outcome) -> None:
        """Remember an outcome; it is written by `save`."""
        raw = pack(outcome, statement)
        if raw is not None:
            self._used[_key(statement)] = msgspec.Raw(raw)
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
        [(line.bit, line.start, line.end) for line in statement.optional],
        [(choice.name, choice.labels, choice.default) for choice in statement.choices],
    )
    return hashlib.sha256(msgspec.msgpack.encode(essence)).digest()


@cache
def _own_source() -> str:
    """A hash of the analyser and the reader: another version may find something else."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    folders = (here.rglob("*.py"), (here.parent / "source").rglob("*.py"), here.parent.glob("*.py"))
    for path in (path for found in folders for path in sorted(found)):
        digest.update(path.read_bytes())
    return digest.hexdigest()
