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
from salacia_db.codegen.analysis.server import Server
from salacia_db.codegen.analysis.session import ServerError
from salacia_db.codegen.analysis.unfinished import unfinished
from salacia_db.codegen.facts import Query, Schema, Statement
from salacia_db.codegen.problems import Problem, ProblemsError
from salacia_db.postgres import PostgresError

if TYPE_CHECKING:
    from salacia_db.codegen.analysis.catalog import Catalog
    from salacia_db.codegen.analysis.warm import Warm

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
    linger: float = 0,
) -> Analysis:
    """Everything that PostgreSQL says of the statements, and all problems at once.

    `source` says where the schema comes from. Unless that is a live database, a scratch database is
    made on the server of `server_url`, or on one of our own. `cache` is a folder in which the
    results are kept: where it has all of them, no server is started. With `linger`, a process that
    has a server of our own ready may stay for as many seconds after its last use, and answers next
    time. Raises nothing that a person can put right: that is a problem.
    """
    try:
        return _analyse(statements, source, server_url, cache, linger)
    except ProblemsError as error:
        return Analysis(NOTHING, (), error.problems)
    except (ServerError, PostgresError) as error:
        return Analysis(NOTHING, (), (explained(error),))


def _analyse(
    statements: Sequence[Statement],
    source: SchemaSource,
    server_url: str | None,
    folder: Path | None,
    linger: float,
) -> Analysis:
    known = None if folder is None else fingerprint(source, server_url)
    cache = None if folder is None or known is None else Cache(folder, known)
    outcomes = [_known(statement, cache) for statement in statements]
    if cache is not None and cache.schema is not None and None not in outcomes:
        return _result(cache.schema, cache.warnings, outcomes)
    warm = _warm(source, server_url, folder, cache, linger)
    if warm is not None and cache is not None and cache.schema is not None:
        answered = _answered(statements, outcomes, warm, cache)
        if answered is not None:
            cache.save(cache.schema, cache.warnings)
            return _result(cache.schema, cache.warnings, answered)
    # Most runs find all that they ask for in the cache: they do without the rest of the analysis.
    from salacia_db.codegen.analysis.loading import load
    from salacia_db.codegen.analysis.views import with_views

    with prepared(source, server_url) as ready:
        catalog = with_views(load(ready.server), ready.server)
        if folder is not None and isinstance(source, LiveDatabase):
            cache = Cache(folder, catalog_fingerprint(catalog, ready.server))
            outcomes = [_known(statement, cache) for statement in statements]
        completed = _completed(statements, outcomes, ready, catalog, cache)
    if warm is not None:
        warm.leave()
    return completed


def _warm(
    source: SchemaSource,
    server_url: str | None,
    folder: Path | None,
    cache: Cache | None,
    linger: float,
) -> "Warm | None":
    """The process that may answer in this one's place; None where there is to be none."""
    if isinstance(source, LiveDatabase) or server_url is not None or not linger:
        return None
    if folder is None or cache is None:
        return None
    from salacia_db.codegen.analysis.warm import Warm

    return Warm(folder, cache.key, source, linger)


def _answered(
    statements: Sequence[Statement], outcomes: list[Outcome | None], warm: "Warm", cache: Cache
) -> list[Outcome] | None:
    """All outcomes, with the help of the process; None where it is of none."""
    pairs = list(zip(statements, outcomes, strict=True))
    missing = [statement for statement, outcome in pairs if outcome is None]
    answers = warm.ask(missing)
    if answers is None:
        return None
    for statement, outcome in zip(missing, answers, strict=True):
        cache.put(statement, outcome)
    following = iter(answers)
    return [outcome if outcome is not None else next(following) for _, outcome in pairs]


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
    from salacia_db.codegen.analysis.shapes import analyse_shapes

    try:
        outcome = analyse_shapes(statement, server, catalog)
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
