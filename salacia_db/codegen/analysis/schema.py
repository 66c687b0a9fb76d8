"""Where the schema comes from, and how a server gets to have it."""

import hashlib
import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec import Struct

from salacia_db.codegen.analysis.catalog import FIRST_USER_OID, Catalog, Relation
from salacia_db.codegen.analysis.scripts import run_files
from salacia_db.codegen.analysis.server import Server
from salacia_db.codegen.analysis.session import connect
from salacia_db.codegen.facts import PgType, Schema, SourceFile, Span
from salacia_db.codegen.problems import Problem, ProblemsError
from salacia_db.codegen.source.lexer import token_at
from salacia_db.postgres import PostgresError
from salacia_db.postgres.migrations import BOOKKEEPING_SCHEMA, YOYO_TABLES

_SYSTEM = ("pg_catalog", "information_schema", "pg_toast", BOOKKEEPING_SCHEMA)
# Definitions that decide what statements mean, though no column changes with them.
_LIVE = """
select current_user, current_setting('search_path'), current_setting('server_version_num'),
  (select md5(string_agg(concat(ev_action, ev_qual), '' order by oid)) from pg_rewrite
   where oid >= 16384),
  (select md5(string_agg(concat(prosrc, prosqlbody, proconfig), '' order by oid)) from pg_proc
   where oid >= 16384),
  (select md5(string_agg(concat(polqual, polwithcheck), '' order by oid)) from pg_policy)
"""
_PLACE = re.compile(
    r"(?P<path>[^\n:]+):(?P<line>\d+):(?:(?P<column>\d+):)? ?(?P<message>.*)", re.DOTALL
)


class Migrations(Struct, frozen=True):
    """A folder of migrations."""

    directory: Path


class SchemaFiles(Struct, frozen=True):
    """SQL files, in the order in which they run."""

    files: tuple[SourceFile, ...]


class LiveDatabase(Struct, frozen=True):
    """A database as it is. Nothing is changed in it."""

    url: str


SchemaSource: TypeAlias = Migrations | SchemaFiles | LiveDatabase


class Prepared(Struct, frozen=True):
    """A session in a database that has the schema, and what was to be warned of on the way."""

    server: Server
    warnings: tuple[Problem, ...] = ()


@contextmanager
def prepared(source: SchemaSource, server_url: str | None) -> Generator[Prepared]:
    """A session in a database that has the schema.

    For files and migrations a scratch database is made on the server of `server_url`, or on one of
    our own. Raises ProblemsError where the schema can't be made, ServerError and PostgresError
    where the server fails.
    """
    if isinstance(source, LiveDatabase):
        with Server(source.url) as server:
            yield Prepared(server)
        return
    # The launcher's side of this loads the driver.
    from salacia_db.postgres.scratch import scratch_database

    with scratch_database(server_url) as url:
        problems = bring_schema(source, url, own_server=server_url is None)
        with Server(url) as server:
            yield Prepared(server, problems)


def bring_schema(source: SchemaSource, url: str, *, own_server: bool = True) -> tuple[Problem, ...]:
    """Brings the schema to the empty database at `url`; returns what is to be warned of.

    `own_server` says that roles and the like may be made beside the database, too. Raises
    ProblemsError where the schema can't be made, PostgresError where the server fails.
    """
    if isinstance(source, Migrations):
        from salacia_db.postgres.migrations.migrator import apply_all

        apply_all(url, source.directory)
        return ()
    if isinstance(source, LiveDatabase):
        from salacia_db.postgres.dump import dump_schema

        source = SchemaFiles((SourceFile("pg_dump", dump_schema(source.url)),))
    problems = tuple(run_files(url, source.files, own_server=own_server))
    if any(problem.severity == "error" for problem in problems):
        raise ProblemsError(*problems)
    return problems


def fingerprint(source: SchemaSource, server_url: str | None) -> str | None:
    """What the schema and the server's version depend on, hashed; None if only a catalog can tell.

    It changes whenever the schema could. Raises PostgresError and ServerError.
    """
    if isinstance(source, LiveDatabase):
        return None
    digest = hashlib.sha256(_server_version(server_url).encode())
    digest.update(source_fingerprint(source).encode())
    return digest.hexdigest()


def source_fingerprint(source: Migrations | SchemaFiles) -> str:
    """A hash of the files that make the schema. Raises PostgresError."""
    if isinstance(source, Migrations):
        from salacia_db.postgres.migrations import fingerprint as migrations_fingerprint

        return migrations_fingerprint(source.directory)
    digest = hashlib.sha256()
    for file in source.files:
        digest.update(f"{len(file.text)}\0{file.text}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def catalog_fingerprint(catalog: Catalog, server: Server) -> str:
    """A hash of what a live database says of itself, for this session's user and settings."""
    facts = (
        server.rows(_LIVE),
        [r for r in catalog.relations.values() if r.table.oid >= FIRST_USER_OID],
        [f for f in catalog.functions.values() if not f.builtin],
        [t for t in catalog.types.values() if t.oid >= FIRST_USER_OID],
        [o for o in catalog.operators.items() if o[0] >= FIRST_USER_OID],
    )
    # Sets have an order of their own in each process.
    return hashlib.sha256(msgspec.json.encode(facts, order="deterministic")).hexdigest()


def schema(catalog: Catalog) -> Schema:
    """The relations and types that generated code may mention, in a stable order.

    Left out: PostgreSQL's own, what extensions and migrations bring, and partitions.
    """
    tables = [r.table for r in catalog.relations.values() if _is_shown(r)]
    types = [t for t in catalog.types.values() if _is_users(t, catalog)]
    rows = {relation.row_type for relation in catalog.relations.values()}
    return Schema(
        tables=tuple(sorted(tables, key=lambda t: (t.ref.schema, t.ref.name))),
        enums=_sorted(t for t in types if t.kind == "enum"),
        composites=_sorted(t for t in types if t.kind == "composite" and t.oid not in rows),
        search_path=catalog.search_path,
    )


def explained(error: Exception) -> Problem:
    """A failure of the server or of a migration as a problem, at its place if it names one."""
    hint = error.hint if isinstance(error, PostgresError) else None
    message = error.message if isinstance(error, PostgresError) else str(error)
    found = _PLACE.fullmatch(message)
    path = Path(found["path"]) if found else None
    if found is None or path is None or not path.is_file():
        return Problem(message, hint=hint)
    text = path.read_text("utf-8", "replace")
    lines = text.split("\n")[: int(found["line"])]
    start = sum(len(line) + 1 for line in lines[:-1])
    end = start + len(lines[-1])
    if found["column"] is not None:
        start += int(found["column"]) - 1
        end = max(start, min(end, token_at(text, start).end)) if start < len(text) else start
    return Problem(
        found["message"], at=Span(SourceFile(found["path"], text), start, end), hint=hint
    )


def _server_version(url: str | None) -> str:
    if url is not None:
        connection = connect(url)
        version = str(connection.server_version)
        connection.finish()
        return version
    from salacia_db.postgres.account import server_account
    from salacia_db.postgres.binaries import find_binaries

    return find_binaries(server_account()).version


def _is_shown(relation: Relation) -> bool:
    ref = relation.table.ref
    hidden = ref.schema in _SYSTEM or ref.schema.startswith(("pg_toast", "pg_temp"))
    return not (hidden or relation.partition or relation.extension or ref.name in YOYO_TABLES)


def _is_users(kind: PgType, catalog: Catalog) -> bool:
    return kind.oid not in catalog.extension_types and kind.schema not in _SYSTEM


def _sorted(types: Iterable[PgType]) -> tuple[PgType, ...]:
    return tuple(sorted(types, key=lambda t: (t.schema, t.name)))
