"""What the generator knows, as the JSON that `salacia describe` prints: a public contract.

A version number guards it: fields may be added under the same number, never changed or removed.
"""

from collections.abc import Callable, Iterable

from msgspec import Struct

from salacia_db.codegen.facts import Cardinality, Column, Kind, Query, TableRef
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


class QueryDescription(Struct, frozen=True):
    """A query; `sql` is what runs, `row` the struct of its rows unless they are bare values."""

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
    sort_keys: tuple[str, ...] = ()


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
                optional=parameter.default is not None,
            )
            for index, parameter in enumerate(query.parameters)
        ),
        columns=tuple(_column(query, column, naming) for column in query.columns),
        row=naming.row(query),
        cardinality=query.cardinality,
        read_only=query.read_only,
        writes=tuple(dict.fromkeys(_name(write.table) for write in query.writes)),
    )


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
