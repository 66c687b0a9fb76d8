"""Cases: a schema, its data and a statement that refuted a claim; kept as folders, replayed."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.loading import load
from salacia_db.codegen.analysis.server import Parsed, Server
from tests.codegen.analysis.fuzz.claims import claims, run, unlike
from tests.codegen.analysis.fuzz.shrinking import fewer, shorter

FOUND = Path(__file__).parent / "found"
CLEAR = "drop schema if exists public cascade; create schema public"
_END = ";\n\n"


@dataclass(frozen=True)
class Case:
    """A statement over some data. `rule` is the weakened rule that it shows, if it shows one."""

    schema: tuple[str, ...]
    data: tuple[str, ...]
    sql: str
    arguments: tuple[object, ...] = ()
    rule: str = ""


def apply(connection: "psycopg.Connection[object]", statements: Sequence[str]) -> None:
    """Run statements; those that the server refuses are left out."""
    for statement in statements:
        try:
            connection.execute(statement.encode())
        except psycopg.Error:
            continue


def refuted(case: Case, url: str) -> list[str]:
    """What running the case in this database, whose schema it replaces, refutes."""
    with psycopg.connect(url, autocommit=True) as connection:
        _prepare(connection)
        apply(connection, [CLEAR, *case.schema])
        with Server(url) as server:
            catalog = load(server)
            apply(connection, case.data)
            return _refuted(case, connection, server, catalog)


def _prepare(connection: "psycopg.Connection[object]") -> None:
    connection.execute(
        "set jit = off; set statement_timeout = '1s'; set client_min_messages = error"
    )


def _refuted(
    case: Case, connection: "psycopg.Connection[object]", server: Server, catalog: Catalog
) -> list[str]:
    parsed = server.parse(case.sql)
    said = claims(case.sql, parsed, catalog) if isinstance(parsed, Parsed) else None
    if said is None or not isinstance(parsed, Parsed):
        return []
    outcome = run(said, connection, case.arguments[: len(parsed.parameters)])
    found = [] if outcome is None else outcome.refuted
    return [*found, *unlike(said, server, catalog)]


def shrink(case: Case, url: str) -> Case:
    """The smallest case found that still refutes a claim: its statement first, then the rest."""
    with psycopg.connect(url, autocommit=True) as connection:
        _prepare(connection)
        apply(connection, [CLEAR, *case.schema])
        with Server(url) as server:
            catalog = load(server)
            apply(connection, case.data)

            def fails(sql: str) -> bool:
                return bool(_refuted(replace(case, sql=sql), connection, server, catalog))

            case = replace(case, sql=shorter(case.sql, fails))
    case = replace(case, data=fewer(case.data, _still(case, "data", url)))
    case = replace(case, schema=fewer(case.schema, _still(case, "schema", url)))
    return replace(case, data=fewer(case.data, _still(case, "data", url)))


def _still(case: Case, part: str, url: str) -> Callable[[tuple[str, ...]], bool]:
    return lambda rest: bool(refuted(replace(case, **{part: rest}), url))


# --- folders --------------------------------------------------------------------------------------


def write(case: Case, folder: Path) -> None:
    """Keep the case as a folder of SQL files."""
    folder.mkdir(parents=True, exist_ok=True)
    head = f"-- arguments: {json.dumps(case.arguments)}\n-- rule: {case.rule}\n"
    (folder / "schema.sql").write_text("".join(s + _END for s in case.schema))
    (folder / "data.sql").write_text("".join(s + _END for s in case.data))
    (folder / "statement.sql").write_text(f"{head}{case.sql}\n")


def read(folder: Path) -> Case:
    """The case that `write` kept."""
    arguments, rule, sql = (folder / "statement.sql").read_text().split("\n", 2)
    return Case(
        schema=_statements(folder / "schema.sql"),
        data=_statements(folder / "data.sql"),
        sql=sql.strip(),
        arguments=tuple(json.loads(arguments.removeprefix("-- arguments: "))),
        rule=rule.removeprefix("-- rule: ").strip(),
    )


def _statements(file: Path) -> tuple[str, ...]:
    return tuple(part for part in file.read_text().split(_END) if part)
