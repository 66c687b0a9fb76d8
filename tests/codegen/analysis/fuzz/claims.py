"""What is claimed of a statement, and what a run of it refutes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from salacia_db.codegen.analysis.cardinality import cardinality, single
from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.effects import effects
from salacia_db.codegen.analysis.nullability import Proof, prove
from salacia_db.codegen.analysis.proofs.collected import collected
from salacia_db.codegen.analysis.server import Parsed, Server
from salacia_db.codegen.facts import Cardinality

_READ_ONLY = "25006"  # read_only_sql_transaction
_NULL_ELEMENT = re.compile(rb"(?<=[{,])NULL(?=[,}])")


@dataclass
class Claims:
    """All that is said of a statement before it runs."""

    sql: str
    proofs: list[Proof]
    filled: list[bool]
    """For each column: whether no element of its arrays is NULL."""
    bound: Cardinality
    single: bool
    read_only: bool


def claims(sql: str, parsed: Parsed, catalog: Catalog) -> Claims | None:
    """What the analysis says of a statement; nothing where rules made it none or several."""
    main = parsed.main
    if main is None:
        return None
    return Claims(
        sql=sql,
        proofs=prove(main, catalog),
        filled=[column.filled for column in collected(main, catalog)],
        bound=cardinality(main, catalog),
        single=single(main, catalog),
        read_only=effects([main], catalog).read_only,
    )


@dataclass
class Outcome:
    """What a run showed: which columns held a NULL, and what of the claims it refutes."""

    rows: int
    nulls: list[bool]
    refuted: list[str]


def run(
    said: Claims, connection: "psycopg.Connection[object]", arguments: Sequence[object]
) -> Outcome | None:
    """Run a statement and take it back; None if it fails for reasons of its own."""
    with psycopg.RawCursor(connection) as cursor:
        try:
            cursor.execute("begin read only" if said.read_only else "begin")
            cursor.execute(said.sql.encode(), arguments)
            result = cursor.pgresult
            assert result is not None
            rows, touched = result.ntuples, result.command_tuples or 0
            values = [
                [result.get_value(row, i) for row in range(rows)] for i in range(result.nfields)
            ]
            cursor.execute("select pg_current_xact_id_if_assigned() is not null")
            wrote = cursor.fetchone() == (True,)
        except psycopg.Error as error:
            refused = error.sqlstate == _READ_ONLY and said.read_only
            return Outcome(0, [], ["wrote, though proven read-only"]) if refused else None
        finally:
            cursor.execute("rollback")
    refuted = [*_values(said, values), *_counts(said, max(rows, touched))]
    if wrote and said.read_only:
        refuted.append("wrote, though proven read-only")
    return Outcome(rows, [None in column for column in values], refuted)


def _values(said: Claims, values: list[list[bytes | None]]) -> list[str]:
    found = []
    for number, column in enumerate(values):
        proof = said.proofs[number]
        if None in column and not proof.nullable:
            found.append(f"column {number + 1} was NULL; {proof.reason}")
        if said.filled[number] and any(v and _NULL_ELEMENT.search(v) for v in column):
            found.append(f"column {number + 1} had a NULL element, though proven to have none")
    return found


def _counts(said: Claims, count: int) -> list[str]:
    found = []
    if said.bound in ("one", "optional") and count > 1:
        found.append(f"{count} rows where {said.bound} was proven")
    if said.bound == "one" and count < 1:
        found.append("no row where one was proven")
    if said.single and count > 1:
        found.append(f"{count} rows touched by a statement proven single")
    return found


def unlike(said: Claims, server: Server, catalog: Catalog) -> list[str]:
    """Wrapping a query in another must not change what is proven of it."""
    if not said.sql.startswith(("select", "with recursive")):
        return []
    found = []
    for wrapped in (
        f"select * from ({said.sql}) as q where true",
        f"with q as ({said.sql}) table q",
    ):
        parsed = server.parse(wrapped)
        if not isinstance(parsed, Parsed) or parsed.main is None:
            continue  # a column name that repeats
        again = prove(parsed.main, catalog)
        if [p.nullable for p in again] != [p.nullable for p in said.proofs]:
            found.append(f"another answer for {wrapped[:24]}…")
    return found
