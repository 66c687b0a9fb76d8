"""Why: what is proven of a query and its columns, by what, and what would change it."""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from salacia_db.checks.joins import join_before
from salacia_db.codegen.analysis.project import NOTHING
from salacia_db.codegen.facts import Cardinality, Column, Query, Span, Statement, ValueField
from salacia_db.codegen.pipeline import analyse
from salacia_db.codegen.problems import Problem, ProblemsError
from salacia_db.codegen.project import Project
from salacia_db.codegen.source.positions import span_at
from salacia_db.codegen.source.suggest import did_you_mean

_PARAMETER = re.compile(r"\$(\d+)")
_PATH = re.compile(r'(?:\s*\.\s*(?:\w+|"(?:[^"]|"")*"))*')
_COALESCE = "wrap it in coalesce(…) where another value can stand for NULL"


class ColumnReason(Struct, frozen=True):
    """A column: whether it may be NULL, why, at which place, and what would change that.

    `place` is None where the reason lies outside of the statement. `change` is None for a column
    that is never NULL.
    """

    name: str
    pg_type: str
    nullable: bool
    reason: str
    place: Span | None
    change: str | None


class Explanation(Struct, frozen=True):
    """What is proven of a query. `writes` and `session` are None where nothing is to be told."""

    name: str
    kind: str
    place: Span
    cardinality: Cardinality
    rows: str
    writes: str | None
    session: str | None
    columns: tuple[ColumnReason, ...]


def explain(projects: Sequence[Project], wanted: str) -> Explanation:
    """The proofs of a query, or of one of its columns: `group.query` or `group.query.column`.

    Raises ProblemsError where there is no such name, and where the query has a problem.
    """
    queries: list[Query] = []
    problems: list[Problem] = []
    for project in projects:
        analysis = analyse(project)
        problems += analysis.problems
        if analysis.schema is NOTHING:
            raise ProblemsError(*problems)
        queries += analysis.queries
    query = _find(queries, wanted)
    if query is None:
        raise ProblemsError(*(_faults(problems, wanted) or [_unknown(queries, wanted)]))
    column = wanted[len(_name(query.statement)) + 1 :]
    columns = tuple(_columns(query))
    chosen = tuple(c for c in columns if c.name == column or c.name.startswith(f"{column}."))
    if column and not chosen:
        raise ProblemsError(_no_column(query, columns, column))
    return Explanation(
        name=_name(query.statement),
        kind=query.statement.kind,
        place=query.statement.header,
        cardinality=query.cardinality,
        rows=query.rows_reason,
        writes=_writes(query),
        session=query.not_clean or None,
        columns=chosen if column else columns,
    )


def _find(queries: list[Query], wanted: str) -> Query | None:
    fitting = (q for q in queries if f"{wanted}.".startswith(f"{_name(q.statement)}."))
    return max(fitting, key=lambda query: len(_name(query.statement)), default=None)


def _name(statement: Statement) -> str:
    return ".".join(filter(None, (statement.schema, statement.group, statement.name)))


def _faults(problems: list[Problem], wanted: str) -> list[Problem]:
    """The errors of a query that isn't understood: in the file of its group, under its name."""
    parts = wanted.split(".")
    return [
        problem
        for problem in problems
        if problem.at is not None
        and problem.severity == "error"
        and any(_annotated(problem.at) == part for part in parts)
    ]


def _annotated(at: Span) -> str | None:
    """The name of the last annotation up to a place."""
    line = at.file.text.find("\n", at.start)
    before = at.file.text[: line if line >= 0 else None]
    names: list[str] = re.findall(r"^--\s*name:\s*(\S+)", before, re.MULTILINE)
    return names[-1] if names else None


def _unknown(queries: list[Query], wanted: str) -> Problem:
    names = [_name(query.statement) for query in queries]
    near = did_you_mean(wanted, names) or did_you_mean(wanted.rpartition(".")[0], names)
    groups = ", ".join(sorted({name.rpartition(".")[0] for name in names}))
    hint = f"did you mean {near}?" if near else f"name it GROUP.QUERY; the groups are {groups}"
    return Problem(f"there is no query {wanted}", hint=hint if names else "there are no queries")


def _no_column(query: Query, columns: tuple[ColumnReason, ...], column: str) -> Problem:
    names = [found.name for found in columns]
    near = did_you_mean(column, names)
    hint = f"it has {', '.join(names)}" if names else "it returns no rows"
    return Problem(
        f"{_name(query.statement)} has no column {column}",
        at=query.statement.header,
        hint=f"did you mean {near}?" if near else hint,
    )


# --- columns --------------------------------------------------------------------------------------


def _columns(query: Query) -> Iterator[ColumnReason]:
    for field in query.fields:
        if isinstance(field, ValueField):
            yield _column(query, field.name, query.columns[field.column])
            continue
        for column in query.columns[field.start : field.stop]:
            yield _column(query, f"{field.name}.{column.name}", column)


def _column(query: Query, name: str, column: Column) -> ColumnReason:
    statement = query.statement
    verdict, _, reason = column.reason.partition(": ")
    place = None if column.place is None else _whole(span_at(statement, column.place + 1))
    if place is not None and column.nullable:
        place = join_before(place, statement.body) or place
    return ColumnReason(
        name=name,
        pg_type=column.type.display,
        nullable=column.nullable,
        reason=_in_the_files_words(reason or verdict, statement),
        place=place,
        change=(column.hint or _COALESCE) if column.nullable else None,
    )


def _whole(span: Span) -> Span:
    """All of `p.name`, not only the first word."""
    match = _PATH.match(span.file.text, span.end)
    return span if match is None else Span(span.file, span.start, match.end())


def _in_the_files_words(reason: str, statement: Statement) -> str:
    names = {use.number: use.name for use in statement.parameters}

    def named(match: re.Match[str]) -> str:
        name = names.get(int(match[1]))
        return match[0] if name is None else f":{name}"

    return _PARAMETER.sub(named, reason)


# --- the query as a whole -------------------------------------------------------------------------


def _writes(query: Query) -> str | None:
    if query.read_only:
        return None
    done = [f"{_VERBS[write.operation]} {write.table.name}" for write in query.writes]
    reason = "" if query.not_read_only == "it writes" else query.not_read_only
    return ", ".join(filter(None, [*done, reason]))


_VERBS = {
    "create": "inserts into",
    "update": "updates",
    "delete": "deletes from",
    "upsert": "inserts into or updates",
}
