"""What the generator knows, as the JSON that `salacia describe` prints: a public contract.

A version number guards it: fields may be added under the same number, never changed or removed.
"""

from collections.abc import Callable, Iterable

from msgspec import Struct

from salacia_db.codegen.facts import SORT, Cardinality, Column, Kind, Query, TableColumns, TableRef
from salacia_db.codegen.problems import Problem, Severity


class ParameterDescription(Struct, frozen=True):
    """A parameter: `nullable` takes None, `optional` may be left out."""

    name: str
    pg_type: str
    py_type: str
    nullable: bool
    optional: bool


class ColumnDescription(Struct, frozen=True):
    """A column of the result; `table` and `column` tell where it comes from, if it does."""

    name: str
    pg_type: str
    py_type: str
    nullable: bool
    table: str | None
    column: str | None


class TableDescription(Struct, frozen=True):
    """Columns of a table that a query reads or writes."""

    table: str
    columns: tuple[str, ...]


class EffectsDescription(Struct, frozen=True):
    """What a query does: the columns that it may read and write, null where it may be any.

    `uses_time`: it may depend on the transaction's time (`now()`, not `clock_timestamp()`).
    `clean`: settings, temporary tables and locks of the session stay as they were.
    `before_begin`: a unit of work with `defer_begin` may run it before its transaction.
    """

    reads: tuple[TableDescription, ...] | None
    writes: tuple[TableDescription, ...] | None
    uses_time: bool
    clean: bool
    before_begin: bool


class ChoiceDescription(Struct, frozen=True):
    """An argument that chooses lines by its value; without `default` it may be left out."""

    name: str
    values: tuple[str, ...]
    default: str | None


class QueryDescription(Struct, frozen=True):
    """A query; `sql` is what runs, `row` the struct of its rows unless they are bare values.

    With optional lines `sql` has those of all parameters, and `shapes` is the number of texts that
    PostgreSQL was asked about.
    """

    group: str
    name: str
    kind: Kind
    file: str
    line: int
    sql: str
    params: tuple[ParameterDescription, ...]
    columns: tuple[ColumnDescription, ...]
    row: str | None
    cardinality: Cardinality
    read_only: bool
    writes: tuple[str, ...]
    effects: EffectsDescription
    sort_keys: tuple[str, ...] = ()
    choices: tuple[ChoiceDescription, ...] = ()
    shapes: int = 1


class ProblemDescription(Struct, frozen=True):
    """A problem; line and column count from 1, in characters. 0 where it has no place."""

    file: str
    line: int
    column: int
    severity: Severity
    message: str
    hint: str | None


class Description(Struct, frozen=True):
    """Everything that is known of a project's queries."""

    version: int
    queries: tuple[QueryDescription, ...]
    problems: tuple[ProblemDescription, ...]


class Naming(Struct, frozen=True):
    """How Python sees a type, and a query's row: supplied by whoever writes Python."""

    parameter: Callable[[Query, int], str]
    column: Callable[[Query, Column], str]
    row: Callable[[Query], str | None]


def describe(queries: Iterable[Query], problems: Iterable[Problem], naming: Naming) -> Description:
    """The public description of the queries, in the order given."""
    return Description(
        version=1,
        queries=tuple(_query(query, naming) for query in queries),
        problems=tuple(_problem(problem) for problem in problems),
    )


def undescribed(problems: Iterable[Problem]) -> Description:
    """The public description where no query could be understood, as the schema can't be made."""
    return Description(1, (), tuple(_problem(problem) for problem in problems))


def _query(query: Query, naming: Naming) -> QueryDescription:
    statement = query.statement
    file = statement.header.file
    return QueryDescription(
        group=statement.group,
        name=statement.name,
        kind=statement.kind,
        file=file.path,
        line=file.text.count("\n", 0, statement.header.start) + 1,
        sql=query.sql,
        params=tuple(
            ParameterDescription(
                name=parameter.name,
                pg_type=parameter.type.display,
                py_type=naming.parameter(query, index),
                nullable=parameter.nullable,
                optional=parameter.optional or parameter.default is not None,
            )
            for index, parameter in enumerate(query.parameters)
        ),
        columns=tuple(_column(query, column, naming) for column in query.columns),
        row=naming.row(query),
        cardinality=query.cardinality,
        read_only=query.read_only,
        writes=tuple(dict.fromkeys(_name(write.table) for write in query.writes)),
        effects=EffectsDescription(
            reads=_tables(query.columns_read),
            writes=_tables(query.columns_written),
            uses_time=query.uses_time,
            clean=query.clean,
            before_begin=query.before_begin,
        ),
        sort_keys=tuple(v for c in statement.choices if c.name == SORT for v in c.labels),
        choices=tuple(ChoiceDescription(c.name, c.labels, c.default) for c in statement.choices),
        shapes=1 if query.dynamic is None else query.dynamic.shapes,
    )


def _tables(found: tuple[TableColumns, ...] | None) -> tuple[TableDescription, ...] | None:
    if found is None:
        return None
    return tuple(TableDescription(_name(one.table), one.columns) for one in found)


def _column(query: Query, column: Column, naming: Naming) -> ColumnDescription:
    origin = column.origin
    return ColumnDescription(
        name=column.name,
        pg_type=column.type.display,
        py_type=naming.column(query, column),
        nullable=column.nullable,
        table=None if origin is None else _name(origin.table),
        column=None if origin is None else origin.column,
    )


def _name(table: TableRef) -> str:
    """The table as most people write it: qualified only outside of `public`."""
    return table.name if table.schema == "public" else f"{table.schema}.{table.name}"


def _problem(problem: Problem) -> ProblemDescription:
    file, line, column = problem.position() or ("", 0, 0)
    return ProblemDescription(
        file=file,
        line=line,
        column=column,
        severity=problem.severity,
        message=problem.message,
        hint=problem.hint,
    )
