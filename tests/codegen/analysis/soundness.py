"""Look for a proof that is wrong: `python -m tests.codegen.analysis.soundness --statements 20000`.

Random statements run on the real server, over several fillings of random schemas. A NULL in a
column that was proven not null or in an array proven to hold none, more rows than the cardinality
says, or a write by a statement called read-only is a violation. The exit status is 1 if there was
one; with `--keep` it is made as small as possible and kept as a case that a test replays.
"""

import argparse
import re
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from random import Random
from typing import get_args

import psycopg

from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.loading import load
from salacia_db.codegen.analysis.server import Parsed, Route, Server
from salacia_db.codegen.analysis.session import Rejected
from salacia_db.postgres.scratch import scratch_databases
from tests.codegen.analysis.fuzz.cases import CLEAR, FOUND, Case, apply, shrink, write
from tests.codegen.analysis.fuzz.claims import Claims, claims, run, unlike
from tests.codegen.analysis.fuzz.schemas import Schema, make
from tests.codegen.analysis.fuzz.statements import Statements
from tests.codegen.analysis.fuzz.weakenings import WEAKENED, weakened

PER_SCHEMA = 100
_NAMES = re.compile(r"\b[a-z]+\d+(\.\w+)?\b")
_ARGUMENTS: dict[str, list[object]] = {
    "int4": [None, 0, 1, 2],
    "text": [None, "", "a"],
    "bool": [None, True, False],
}


@dataclass
class Column:
    """What the runs showed of one output column."""

    seen: bool = False
    was_null: bool = False


@dataclass
class Trial:
    """A statement that the server takes, with what its runs showed."""

    types: list[str]
    claims: Claims
    columns: list[Column]
    runs: int = 0


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
    cases: list[Case] = field(default_factory=list)
    """What refuted a claim, in the order of the violations."""
    misses: dict[str, list[str]] = field(default_factory=dict)
    """What was not proven of columns that never were NULL, with the statements."""
    refusals: dict[str, list[str]] = field(default_factory=dict)

    def note(self, into: dict[str, list[str]], reason: str, sql: str) -> None:
        """One more of these; names of tables and the like are left out, to count alike ones."""
        into.setdefault(_NAMES.sub("…", reason), []).append(sql)

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

    def __init__(
        self, url: str, seed: int, *, first: bool = False, route: Route = "messages"
    ) -> None:
        self.url = url
        self.route = route
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
        apply(self.connection, [CLEAR, *schema.sql])
        with Server(self.url, route=self.route) as server:
            catalog = load(server)
            maker = Statements(schema, rng, version)
            made = [self.trial(maker, schema, server, catalog) for _ in range(statements)]
        trials = [trial for trial in made if trial is not None]
        for number, data in enumerate(schema.data):
            apply(self.connection, data)
            for trial in trials:
                self.execute(trial, Random(f"{trial.claims.sql}{number}"), schema, data)
        for trial in trials:
            self.judge(trial)

    def trial(
        self, maker: Statements, schema: Schema, server: Server, catalog: Catalog
    ) -> Trial | None:
        """A statement and what is claimed of it; None if the server refuses it."""
        self.report.statements += 1
        sql = maker.make()
        parsed = server.parse(sql)
        said = claims(sql, parsed, catalog) if isinstance(parsed, Parsed) else None
        if not isinstance(parsed, Parsed) or said is None:
            self.report.refused += 1
            if isinstance(parsed, Rejected):
                self.report.note(self.report.refusals, parsed.message, sql)
            return None
        if len(said.proofs) != len(parsed.columns):
            raise AssertionError(f"{len(said.proofs)} proofs for the columns of {sql}")
        for what in unlike(said, server, catalog):
            self.violation(what, Case(tuple(schema.sql), (), sql))
        types = list(maker.expressions.parameters)
        return Trial(types, said, [Column() for _ in said.proofs])

    def execute(self, trial: Trial, rng: Random, schema: Schema, data: list[str]) -> None:
        """Run a statement over the present filling, and take it back."""
        arguments = [rng.choice(_ARGUMENTS[type_]) for type_ in trial.types]
        outcome = run(trial.claims, self.connection, arguments)
        if outcome is None:
            return
        trial.runs += 1
        for what in outcome.refuted:
            case = Case(tuple(schema.sql), tuple(data), trial.claims.sql, tuple(arguments))
            self.violation(what, case)
        for column, null in zip(trial.columns, outcome.nulls, strict=False):
            column.seen = column.seen or outcome.rows > 0
            column.was_null = column.was_null or null

    def judge(self, trial: Trial) -> None:
        """Count what was proven of what never happened."""
        report = self.report
        report.failed += not trial.runs
        for column, proof in zip(trial.columns, trial.claims.proofs, strict=True):
            if not column.seen:
                continue
            report.columns += 1
            report.proven += not proof.nullable
            if not column.was_null:
                report.never_null += 1
                report.never_null_proven += not proof.nullable
                if proof.nullable:
                    report.note(report.misses, proof.reason, trial.claims.sql)

    def violation(self, what: str, case: Case) -> None:
        """Note what is wrong."""
        self.report.violations.append(f"{what}\n  {case.sql}\n  (seed {self.seed})")
        self.report.cases.append(case)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--statements", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--url", help="a database whose schema public may be replaced")
    parser.add_argument(
        "--route", choices=get_args(Route), default="messages", help="how query trees come"
    )
    parser.add_argument(
        "--misses", action="store_true", help="what was not proven, and what was refused"
    )
    parser.add_argument("--weaken", action="store_true", help="make each rule wrong in turn")
    parser.add_argument("--rule", action="append", choices=WEAKENED, help="only this one")
    parser.add_argument(
        "--keep", metavar="NAME", help="shrink the first violation, keep it under this name"
    )
    options = parser.parse_args()
    if options.url:
        return _run(options.url, options)
    with scratch_databases() as made:
        return _run(made.create(), options)


def weaken(url: str, seed: int, statements: int, rules: Iterable[str], keep: str | None) -> int:
    """Make each rule wrong in turn; 1 if any of them goes unnoticed."""
    unnoticed = 0
    for name in rules:
        with weakened(name):
            report = Fuzzer(url, seed, first=True).run(statements)
            if keep and report.cases:
                write(shrink(replace(report.cases[0], rule=name), url), FOUND / keep)
        found = report.violations[0].partition("\n")[0] if report.violations else "UNNOTICED"
        unnoticed += not report.violations
        print(f"{name}: seed {seed}, within {report.statements} statements: {found}", flush=True)
    return 1 if unnoticed else 0


def _run(url: str, options: argparse.Namespace) -> int:
    if options.weaken:
        return weaken(url, options.seed, options.statements, options.rule or WEAKENED, options.keep)
    started = time.perf_counter()
    report = Fuzzer(url, options.seed, first=bool(options.keep)).run(options.statements)
    print(report, f"in {time.perf_counter() - started:.0f} s")
    for violation in report.violations[:20]:
        print("VIOLATION", violation)
    if options.keep and report.cases:
        write(shrink(report.cases[0], url), FOUND / options.keep)
    if options.misses:
        for counts in (report.misses, report.refusals):
            for reason, found in sorted(counts.items(), key=lambda m: -len(m[1]))[:40]:
                print(f"{len(found):6} {reason}\n         {min(found, key=len)}")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
