"""All statements of a project, asked of one server, or of none where nothing has changed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from salacia_db.codegen.analysis.cache import Cache
from salacia_db.codegen.analysis.outcome import Outcome
from salacia_db.codegen.analysis.schema import (
    LiveDatabase,
    Prepared,
    SchemaSource,
    catalog_fingerprint,
    explained,
    fingerprint,
    prepared,
    schema,
)
from salacia_db.codegen.analysis.server import Server, ServerError
from salacia_db.codegen.analysis.unfinished import unfinished
from salacia_db.codegen.facts import Query, Schema, Statement
from salacia_db.codegen.problems import Problem, ProblemsError
from salacia_db.postgres import PostgresError

if TYPE_CHECKING:
    from salacia_db.codegen.analysis.catalog import Catalog

NOTHING = Schema((), (), ())
"""The facts of a schema that couldn't be made."""


class Analysis(Struct, frozen=True):
    """What is known of a project; statements with an error have no query."""

    schema: Schema
    queries: tuple[Query, ...]
    problems: tuple[Problem, ...]


def analyse_project(
    statements: Sequence[Statement],
    source: SchemaSource,
    *,
    server_url: str | None = None,
    cache: Path | None = None,
) -> Analysis:
    """Everything that PostgreSQL says of the statements, and all problems at once.

    `source` says where the schema comes from. Unless that is a live database, a scratch database is
    made on the server of `server_url`, or on one of our own. `cache` is a folder in which the
    results are kept: where it has all of them, no server is started. Raises nothing that a person
    can put right: that is a problem.
    """
    try:
        return _analyse(statements, source, server_url, cache)
    except ProblemsError as error:
        return Analysis(NOTHING, (), error.problems)
    except (ServerError, PostgresError) as error:
        return Analysis(NOTHING, (), (explained(error),))


def _analyse(
    statements: Sequence[Statement],
    source: SchemaSource,
    server_url: str | None,
    folder: Path | None,
) -> Analysis:
    known = None if folder is None else fingerprint(source, server_url)
    cache = None if folder is None or known is None else Cache(folder, known)
    outcomes = [_known(statement, cache) for statement in statements]
    if cache is not None and cache.schema is not None and None not in outcomes:
        return _result(cache.schema, cache.warnings, outcomes)
    # Most runs find all that they ask for in the cache: they do without the rest of the analysis.
    from salacia_db.codegen.analysis.loading import load
    from salacia_db.codegen.analysis.views import with_views

    with prepared(source, server_url) as ready:
        catalog = with_views(load(ready.server), ready.server)
        if folder is not None and isinstance(source, LiveDatabase):
            cache = Cache(folder, catalog_fingerprint(catalog, ready.server))
            outcomes = [_known(statement, cache) for statement in statements]
        return _completed(statements, outcomes, ready, catalog, cache)


def _known(statement: Statement, cache: Cache | None) -> Outcome | None:
    """What can be said of a statement without asking; None where that is nothing."""
    found = None if cache is None else cache.get(statement)
    if found is not None:
        return found
    problem = unfinished(statement)
    return None if problem is None else Outcome(None, (problem,))


def _completed(
    statements: Sequence[Statement],
    outcomes: list[Outcome | None],
    ready: Prepared,
    catalog: "Catalog",
    cache: Cache | None,
) -> Analysis:
    found: list[Outcome | None] = [
        outcome if outcome is not None else _asked(statement, ready.server, catalog, cache)
        for statement, outcome in zip(statements, outcomes, strict=True)
    ]
    facts = schema(catalog)
    if cache is not None:
        cache.save(facts, ready.warnings)
    return _result(facts, ready.warnings, found)


def _asked(
    statement: Statement, server: Server, catalog: "Catalog", cache: Cache | None
) -> Outcome:
    from salacia_db.codegen.analysis.analyse import analyse

    try:
        outcome = analyse(statement, server, catalog)
    except RecursionError:
        hint = "write it flatter: a list as an array, a part as a common table expression"
        problem = Problem("the statement is nested too deeply", at=statement.header, hint=hint)
        return Outcome(None, (problem,))
    if cache is not None:
        cache.put(statement, outcome)
    return outcome


def _result(
    facts: Schema, warnings: tuple[Problem, ...], outcomes: Sequence[Outcome | None]
) -> Analysis:
    found = [outcome for outcome in outcomes if outcome is not None]
    return Analysis(
        facts,
        tuple(outcome.query for outcome in found if outcome.query is not None),
        (*warnings, *(problem for outcome in found for problem in outcome.problems)),
    )
