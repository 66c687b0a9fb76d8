"""A statement with optional lines: each of its shapes asked of the server, and told as one."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from salacia_db.codegen.analysis.analyse import analyse, understand
from salacia_db.codegen.analysis.batching import shapes_to_batch
from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.expand import Expansion
from salacia_db.codegen.analysis.outcome import Outcome
from salacia_db.codegen.analysis.paging import PagingError, paging
from salacia_db.codegen.analysis.server import Server
from salacia_db.codegen.facts import (
    Bit,
    Cardinality,
    Column,
    Dynamic,
    Emptied,
    NestedField,
    Paging,
    Parameter,
    Query,
    Statement,
    TableColumns,
    TableRef,
    Tracked,
    ValueField,
    Write,
)
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.emptied import emptied
from salacia_db.codegen.source.fragments import Fragments, compose
from salacia_db.codegen.source.lexer import lex
from salacia_db.codegen.source.optional import Shape, bits, optional_names, shape, shapes
from salacia_db.codegen.source.rewriting import file_offset
from salacia_db.codegen.source.splicing import Splice, splice
from salacia_db.codegen.source.unfiltered import unfiltered

T = TypeVar("T")

_WEAKEST: tuple[Cardinality, ...] = ("many", "optional", "one", "none")


def analyse_shapes(statement: Statement, server: Server, catalog: Catalog) -> Outcome:
    """What a statement means in all its shapes: of what differs between them, the weaker.

    The server is only asked, nothing is run. Raises ServerError.
    """
    if not statement.optional and statement.kind != "page":
        return _needless_empty(statement) or analyse(statement, server, catalog)
    wrong = shapes_to_batch(statement) or unfiltered(statement)
    if wrong is not None:
        return Outcome(None, (wrong,))
    found = shapes(statement)
    asked = _ask(statement, [one for one in found if not one.writes_nothing], server, catalog)
    if isinstance(asked, Outcome):
        return asked
    try:
        return _told(statement, asked, server, catalog)
    except (_DifferError, PagingError) as error:
        return Outcome(None, (error.problem,))


class _Asked(Struct, frozen=True):
    """A shape and its query."""

    shape: Shape
    query: Query
    expansion: Expansion | None


class _Answers(Struct, frozen=True):
    """All shapes, that with everything given first, and the warnings of all of them."""

    shapes: tuple[_Asked, ...]
    warnings: tuple[Problem, ...]


class _DifferError(Exception):
    """Shapes that can't be one function."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def _ask(
    statement: Statement, found: Sequence[Shape], server: Server, catalog: Catalog
) -> _Answers | Outcome:
    """The query of each shape; the problems of the first that is wrong."""
    asked: list[_Asked] = []
    warnings: dict[tuple[str, object], Problem] = {}
    for one in found:
        answer = understand(_of(statement, one), server, catalog)
        query, problems = answer.outcome.query, answer.outcome.problems
        if query is None:
            if one is found[0]:
                return Outcome(None, problems)
            return _smallest(statement, one, found[0].given, server, catalog)
        for problem in problems:
            warnings.setdefault((problem.message, problem.position()), problem)
        when = "" if one is found[0] else f" ({_briefly(statement, one.given)})"
        columns = tuple(_in_statement(column, one, when) for column in query.columns)
        asked.append(_Asked(one, replace(query, columns=columns), answer.expansion))
    return _Answers(tuple(asked), tuple(warnings.values()))


def _in_statement(column: Column, shape: Shape, when: str) -> Column:
    """A shape's column with its places in the statement; `when` tells the shape."""

    def place(offset: int | None) -> int | None:
        return None if offset is None else file_offset(shape.kept, offset)

    reason = column.reason + when if column.nullable else column.reason
    return replace(column, place=place(column.place), at=place(column.at), reason=reason)


def _of(statement: Statement, shape: Shape) -> Statement:
    """A shape as a statement of its own."""
    return replace(
        statement,
        sql=shape.sql,
        pieces=shape.pieces,
        parameters=shape.parameters,
        optional=(),
        choices=(),
    )


def _smallest(
    statement: Statement, wrong: Shape, complete: frozenset[Bit], server: Server, catalog: Catalog
) -> Outcome:
    """The problems of a wrong shape, with as much given as leaves it wrong."""
    given = wrong.given
    problems = understand(_of(statement, wrong), server, catalog).outcome.problems
    for bit in sorted(complete - given, key=str):
        names = {name for name, _ in given}
        more = shape(statement, given if bit[0] in names else {*given, bit})
        answer = understand(_of(statement, more), server, catalog).outcome
        if answer.query is None:
            given, problems = more.given, answer.problems
    when = _when(statement, given)
    return Outcome(None, tuple(_in_shape(p, when) for p in problems))


def _in_shape(problem: Problem, when: str) -> Problem:
    hint = problem.hint
    if hint is None and problem.message.startswith("syntax error") and when.startswith("without"):
        hint = "what is left has to be a statement, too: keep a line beside them that always stays"
    return replace(problem, message=f"{problem.message} ({when})", hint=hint)


def _when(statement: Statement, given: frozenset[Bit]) -> str:
    """A shape in words."""
    missing = [name for name in optional_names(statement) if (name, None) not in given]
    names = {name for name, _ in given}
    missing += [choice.name for choice in statement.choices if choice.name not in names]
    chosen = [f"`{name}` is {value}" for name, value in sorted(given, key=str) if value is not None]
    words = [f"without {' and '.join(f'`{name}`' for name in missing)}"] if missing else []
    words += [f"where {' and '.join(chosen)}"] if chosen else []
    return ", ".join(words) or "with everything given"


def _briefly(statement: Statement, given: frozenset[Bit]) -> str:
    words = _when(statement, given)
    return words if words.count("`") <= 4 else "where lines are left out"


def _told(statement: Statement, answers: _Answers, server: Server, catalog: Catalog) -> Outcome:
    reference = answers.shapes[0]
    queries = [one.query for one in answers.shapes]
    expanded = _expanded(statement, reference)
    found = Fragments(expanded)
    parts, written = found.all(), found.written()
    for one in answers.shapes:
        _check(statement, one, compose(parts, one.shape.given)[0])
    instead: Emptied | None = None
    problems = list(answers.warnings)
    if written and statement.empty is None:
        select = _instead(statement, server, catalog)
        elsewhere = (replace(column, place=None, at=None) for column in select.columns)
        queries.append(replace(select, columns=tuple(elsewhere)))
        assert select.dynamic is not None
        instead = Emptied(select.dynamic, select.read_only, select.clean)
    if not written and (needless := _needless_empty(statement)):
        return needless
    pages: Paging | None = None
    if statement.kind == "page":
        given = [one.shape.given for one in answers.shapes]
        pages, warnings = paging(expanded, given, server, catalog)
        problems += warnings
        if not all(query.read_only for query in queries):
            raise _DifferError(_writes_in_pages(statement, queries))
    suffix, created = _suffix(queries[: len(answers.shapes)])
    query = replace(
        reference.query,
        statement=statement,
        parameters=_parameters(statement, queries),
        columns=_columns(statement, queries),
        fields=_fields(queries),
        table=_same((query.table for query in queries), None),
        cardinality=min((query.cardinality for query in queries), key=_WEAKEST.index),
        read_only=all(query.read_only for query in queries),
        clean=all(query.clean for query in queries),
        reads=tuple(
            sorted({r for q in queries for r in q.reads}, key=lambda r: (r.schema, r.name))
        ),
        writes=_writes(statement, queries[: len(answers.shapes)]),
        tracked=None if suffix is None else Tracked(reference.query.sql + suffix, created),
        dynamic=Dynamic(bits(statement), parts, suffix, written, len(answers.shapes)),
        emptied=instead,
        paging=pages,
        not_read_only=_first(query.not_read_only for query in queries),
        not_clean=_first(query.not_clean for query in queries),
        columns_read=_all_columns(query.columns_read for query in queries),
        columns_written=_all_columns(query.columns_written for query in queries),
        uses_time=any(query.uses_time for query in queries),
        before_begin=all(query.before_begin for query in queries),
    )
    return Outcome(query, tuple(problems))


def _writes_in_pages(statement: Statement, queries: Sequence[Query]) -> Problem:
    reason = _first(query.not_read_only for query in queries)
    message = f":page is for reading, and this may write ({reason})"
    return Problem(message, statement.header, "use :many")


def _needless_empty(statement: Statement) -> Outcome | None:
    if statement.empty is None:
        return None
    message = "`empty:` is for an UPDATE whose lines of SET can all be absent"
    return Outcome(None, (Problem(message, statement.empty.source, "remove the directive"),))


def _expanded(statement: Statement, reference: _Asked) -> Statement:
    """The statement with what is written out in the shape that has everything."""
    if reference.expansion is None:
        return statement
    splices: list[Splice] = []
    for edit in reference.expansion.edits:
        start = file_offset(reference.shape.kept, edit.start)
        end = file_offset(reference.shape.kept, edit.end - 1) + 1
        splices.append(Splice(start, end, edit.text, file_offset(statement.pieces, start)))
    return splice(statement, splices)


def _check(statement: Statement, one: _Asked, text: str) -> None:
    """What will be put together at run time is what the server has seen."""
    if text.split() != one.query.sql.split() and _tokens(text) != _tokens(one.query.sql):
        raise _DifferError(
            Problem(
                "the lines of this statement can't be put together for every choice "
                f"({_when(statement, one.shape.given)})",
                statement.header,
                "list the columns instead of `*`; put each condition on a line of its own",
            )
        )


def _tokens(sql: str) -> list[str]:
    return [token.text for token in lex(sql) if token.significant]


def _instead(statement: Statement, server: Server, catalog: Catalog) -> Query:
    """What runs where the SET is empty."""
    hint = "name a statement that finds the row with `-- empty: get`, or always set something"
    select = emptied(statement)
    if select is None:
        message = "with every line of SET absent nothing is left to run"
        raise _DifferError(Problem(message, statement.header, hint))
    outcome = _shapes_of(select, server, catalog)
    if outcome.query is None:
        problem = outcome.problems[0]
        message = f"with every line of SET absent the rows can't be read: {problem.message}"
        raise _DifferError(replace(problem, message=message, hint=hint))
    if outcome.query.writes:
        message = "with every line of SET absent the statement would still write"
        raise _DifferError(Problem(message, statement.header, hint))
    return outcome.query


def _shapes_of(select: Statement, server: Server, catalog: Catalog) -> Outcome:
    answers = _ask(select, shapes(select), server, catalog)
    return answers if isinstance(answers, Outcome) else _told(select, answers, server, catalog)


def _suffix(queries: Sequence[Query]) -> tuple[str | None, bool]:
    """What the tracked forms of all shapes end with, and whether that tells created rows."""
    found = {
        None if q.tracked is None else (q.tracked.sql.removeprefix(q.sql), q.tracked.created)
        for q in queries
    }
    only = found.pop() if len(found) == 1 else None
    return (None, False) if only is None else only


def _parameters(statement: Statement, queries: Sequence[Query]) -> tuple[Parameter, ...]:
    """The parameters of all shapes in the statement's order."""
    optional = set(optional_names(statement))
    found: list[Parameter] = []
    for use in statement.parameters:
        same = [p for query in queries for p in query.parameters if p.name == use.name]
        if not same:
            continue
        other = next((p for p in same if p.type != same[0].type), None)
        if other is not None:
            kinds = f"{same[0].type.display} in some shapes and {other.type.display} in others"
            message = f"`{use.name}` is {kinds}"
            hint = f"cast it in each line: `:{use.name}::{same[0].type.display}`"
            raise _DifferError(Problem(message, use.markers[0].source, hint))
        found.append(
            replace(
                same[0],
                number=use.number,
                nullable=all(p.nullable for p in same),
                origin=_same((p.origin for p in same), None),
                optional=use.name in optional,
            )
        )
    return tuple(found)


def _columns(statement: Statement, queries: Sequence[Query]) -> tuple[Column, ...]:
    """The columns, each as weak as in any shape."""
    first = queries[0].columns
    for query in queries[1:]:
        if [(c.name, c.type) for c in query.columns] != [(c.name, c.type) for c in first]:
            message = "the columns of the result differ from shape to shape"
            hint = "make no line of the select list optional, and cast what differs in type"
            raise _DifferError(Problem(message, statement.header, hint))
    return tuple(_weakest(list(same)) for same in zip(*(q.columns for q in queries), strict=True))


def _weakest(same: list[Column]) -> Column:
    # Of the shapes in which it may be NULL, that of which least is to be said.
    nullable = [column for column in same if column.nullable]
    weak = min(nullable, key=lambda column: len(column.reason)) if nullable else same[0]
    return replace(
        weak,
        origin=_same((column.origin for column in same), None),
        filled=all(column.filled for column in same),
        rows=_same((column.rows for column in same), None),
    )


def _fields(queries: Sequence[Query]) -> tuple[ValueField | NestedField, ...]:
    """The fields, a nested one with what tells that it is missing if any shape needs that."""

    def weakest(same: tuple[ValueField | NestedField, ...]) -> ValueField | NestedField:
        missing = (f for f in same if isinstance(f, NestedField) and f.found is not None)
        return next(missing, same[0])

    return tuple(map(weakest, zip(*(query.fields for query in queries), strict=True)))


def _writes(statement: Statement, queries: Sequence[Query]) -> tuple[Write, ...]:
    """The same in all shapes: hooks are told of what is written, not of what may be."""
    if len({frozenset((w.table, w.operation) for w in query.writes) for query in queries}) > 1:
        message = "what is written differs from shape to shape"
        hint = "write a statement for each of what is written"
        raise _DifferError(Problem(message, statement.header, hint))
    found: dict[tuple[object, str], Write] = {}
    for write in (write for query in queries for write in query.writes):
        known = found.setdefault((write.table, write.operation), write)
        if known.returned and not write.returned:
            found[write.table, write.operation] = write
    return tuple(sorted(found.values(), key=lambda w: (w.table.schema, w.table.name, w.operation)))


def _all_columns(
    found: Iterable[tuple[TableColumns, ...] | None],
) -> tuple[TableColumns, ...] | None:
    """What any shape may touch; None where one of them doesn't know."""
    columns: dict[TableRef, set[str]] = {}
    for touched in found:
        if touched is None:
            return None
        for one in touched:
            columns.setdefault(one.table, set()).update(one.columns)
    tables = sorted(columns, key=lambda table: (table.schema, table.name))
    return tuple(TableColumns(table, tuple(sorted(columns[table]))) for table in tables)


def _same(values: Iterable[T], other: T) -> T:
    found = list(values)
    return found[0] if all(value == found[0] for value in found) else other


def _first(reasons: Iterator[str]) -> str:
    return next((reason for reason in reasons if reason), "")
