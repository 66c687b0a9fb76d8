"""Look for a proof that is wrong: `python -m tests.codegen.analysis.soundness --statements 20000`.

Random statements run on the real server, over several fillings of random schemas. A NULL in a
column that was proven not null, more rows than the cardinality says, or a write by a statement
called read-only is a violation. The exit status is 1 if there was one.
"""

import argparse
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

import psycopg

from salacia_db.codegen.analysis.cardinality import cardinality, single
from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.effects import effects
from salacia_db.codegen.analysis.loading import load
from salacia_db.codegen.analysis.nullability import Proof, prove
from salacia_db.codegen.analysis.server import Parsed, Rejected, Server
from salacia_db.codegen.analysis.tree import Node
from salacia_db.postgres.scratch import scratch_databases
from tests.codegen.analysis.fuzz.schemas import make
from tests.codegen.analysis.fuzz.statements import Statements
from tests.codegen.analysis.fuzz.weakenings import WEAKENED, weakened

PER_SCHEMA = 100
_ARGUMENTS: dict[str, list[object]] = {
    "int4": [None, 0, 1, 2],
    "text": [None, "", "a"],
    "bool": [None, True, False],
}


@dataclass
class Column:
    """One output column: its proof, and what the runs showed."""

    proof: Proof
    seen: bool = False
    was_null: bool = False


@dataclass
class Trial:
    """A statement that the server takes, with what its runs showed."""

    sql: str
    types: list[str]
    query: Node
    columns: list[Column]
    counts: list[int] = field(default_factory=list)
    wrote: bool = False


@dataclass
class Report:
    """What a run of the fuzzer found."""

    statements: int = 0
    refused: int = 0
    failed: int = 0
    columns: int = 0
    proven: int = 0
    never_null: int = 0
    never_null_proven: int = 0
    violations: list[str] = field(default_factory=list)
    misses: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)

    def count(self, into: dict[str, int], what: str) -> None:
        """One more of these."""
        into[what] = into.get(what, 0) + 1

    def __str__(self) -> str:
        share = self.never_null_proven / max(1, self.never_null)
        return (
            f"{self.statements} statements ({self.refused} refused, {self.failed} only failed),"
            f" {self.columns} columns, {self.proven} proven not null,"
            f" {share:.1%} of the {self.never_null} that never were NULL,"
            f" {len(self.violations)} violations"
        )


class Fuzzer:
    """Runs statements against one database, whose schema it replaces."""

    def __init__(self, url: str, seed: int, *, first: bool = False) -> None:
        self.url = url
        self.seed = seed
        self.first = first
        """Whether to stop at the first violation."""
        self.report = Report()
        self.connection = psycopg.connect(url, autocommit=True)
        self.connection.execute(
            "set jit = off; set statement_timeout = '100ms'; set client_min_messages = error"
        )

    def run(self, statements: int) -> Report:
        """Try so many statements."""
        number = 0
        while self.report.statements < statements:
            self.schema(
                Random(f"{self.seed}/{number}"),
                min(PER_SCHEMA, statements - self.report.statements),
            )
            number += 1
            if self.first and self.report.violations:
                break
        self.connection.close()
        return self.report

    def schema(self, rng: Random, statements: int) -> None:
        """Make a schema, prove statements over it, and run them over each of its fillings."""
        version = self.connection.info.server_version
        schema = make(rng, version)
        self.apply(["drop schema if exists public cascade; create schema public", *schema.sql])
        with Server(self.url) as server:
            catalog = load(server)
            maker = Statements(schema, rng, version)
            trials = [self.trial(maker, server, catalog) for _ in range(statements)]
        for number, data in enumerate(schema.data):
            self.apply(data)
            for trial in filter(None, trials):
                self.execute(trial, Random(f"{trial.sql}{number}"))
        for trial in filter(None, trials):
            self.judge(trial, catalog)

    def apply(self, statements: list[str]) -> None:
        """Run statements; those that the server refuses are left out."""
        for statement in statements:
            try:
                self.connection.execute(statement.encode())
            except psycopg.Error:
                continue

    def trial(self, maker: Statements, server: Server, catalog: Catalog) -> Trial | None:
        """A statement and what is proven of it; None if the server refuses it."""
        self.report.statements += 1
        sql = maker.make()
        parsed = server.parse(sql)
        if not isinstance(parsed, Parsed) or parsed.main is None:
            self.report.refused += 1
            if isinstance(parsed, Rejected):
                self.report.count(self.report.refusals, parsed.message)
            return None
        proofs = prove(parsed.main, catalog)
        if len(proofs) != len(parsed.columns):
            self.violation(sql, f"{len(proofs)} proofs for {len(parsed.columns)} columns")
        self.alike(sql, proofs, server, catalog)
        types = list(maker.expressions.parameters)
        return Trial(sql, types, parsed.main, [Column(proof) for proof in proofs])

    def execute(self, trial: Trial, rng: Random) -> None:
        """Run a statement over the present filling, and take it back."""
        arguments = [rng.choice(_ARGUMENTS[type_]) for type_ in trial.types]
        with psycopg.RawCursor(self.connection) as cursor:
            try:
                cursor.execute("begin")
                cursor.execute(trial.sql.encode(), arguments)
                result = cursor.pgresult
                assert result is not None
                rows, touched = result.ntuples, result.command_tuples or 0
                nulls = [
                    any(result.get_value(row, i) is None for row in range(rows))
                    for i in range(result.nfields)
                ]
                cursor.execute("select pg_current_xact_id_if_assigned() is not null")
                written = cursor.fetchone()
                trial.wrote = trial.wrote or written == (True,)
            except psycopg.Error:
                return
            finally:
                cursor.execute("rollback")
        trial.counts.append(max(rows, touched))
        for column, null in zip(trial.columns, nulls, strict=True):
            column.seen = column.seen or rows > 0
            column.was_null = column.was_null or null

    def judge(self, trial: Trial, catalog: Catalog) -> None:
        """Compare what was proven with what happened."""
        report, sql, counts = self.report, trial.sql, trial.counts
        if not counts:
            report.failed += 1
            return
        for number, column in enumerate(trial.columns):
            if not column.seen:
                continue
            report.columns += 1
            report.proven += not column.proof.nullable
            if column.was_null and not column.proof.nullable:
                self.violation(sql, f"column {number + 1} was NULL; {column.proof.reason}")
            if not column.was_null:
                report.never_null += 1
                report.never_null_proven += not column.proof.nullable
                if column.proof.nullable:
                    report.count(report.misses, column.proof.reason)
        bound = cardinality(trial.query, catalog)
        if bound in ("one", "optional") and max(counts) > 1:
            self.violation(sql, f"{max(counts)} rows where {bound} was proven")
        if bound == "one" and min(counts) < 1:
            self.violation(sql, "no row where one was proven")
        if single(trial.query, catalog) and max(counts) > 1:
            self.violation(sql, f"{max(counts)} rows touched by a statement proven single")
        if trial.wrote and effects([trial.query], catalog).read_only:
            self.violation(sql, "wrote, though proven read-only")

    def alike(self, sql: str, proofs: list[Proof], server: Server, catalog: Catalog) -> None:
        """Wrapping a query in another must not change what is proven of it."""
        if not sql.startswith(("select", "with recursive")):
            return
        for wrapped in (f"select * from ({sql}) as q where true", f"with q as ({sql}) table q"):
            parsed = server.parse(wrapped)
            if not isinstance(parsed, Parsed) or parsed.main is None:
                continue  # a column name that repeats
            again = prove(parsed.main, catalog)
            if [p.nullable for p in again] != [p.nullable for p in proofs]:
                self.violation(sql, f"another answer for {wrapped[:24]}…")

    def violation(self, sql: str, what: str) -> None:
        """Note what is wrong."""
        self.report.violations.append(f"{what}\n  {sql}\n  (seed {self.seed})")


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--statements", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--url", help="a database whose schema public may be replaced")
    parser.add_argument(
        "--misses", action="store_true", help="what was not proven, and what was refused"
    )
    parser.add_argument("--weaken", action="store_true", help="make each rule wrong in turn")
    parser.add_argument("--rule", action="append", choices=WEAKENED, help="only this one")
    options = parser.parse_args()
    if options.url:
        return _run(options.url, options)
    with scratch_databases() as made:
        return _run(made.create(), options)


def weaken(url: str, seed: int, statements: int, rules: Iterable[str]) -> int:
    """Make each rule wrong in turn; 1 if any of them goes unnoticed."""
    unnoticed = 0
    for name in rules:
        with weakened(name):
            report = Fuzzer(url, seed, first=True).run(statements)
        found = report.violations[0].partition("\n")[0] if report.violations else "UNNOTICED"
        unnoticed += not report.violations
        print(f"{name}: seed {seed}, within {report.statements} statements: {found}", flush=True)
    return 1 if unnoticed else 0


def _run(url: str, options: argparse.Namespace) -> int:
    if options.weaken:
        return weaken(url, options.seed, options.statements, options.rule or WEAKENED)
    started = time.perf_counter()
    report = Fuzzer(url, options.seed).run(options.statements)
    print(report, f"in {time.perf_counter() - started:.0f} s")
    for violation in report.violations[:20]:
        print("VIOLATION", violation)
    if options.misses:
        for counts in (report.misses, report.refusals):
            for reason, count in sorted(counts.items(), key=lambda m: -m[1])[:40]:
                print(f"{count:6} {reason}")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
