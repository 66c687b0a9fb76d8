"""Places in a query's file, for what can't be generated."""

import re
from bisect import bisect_right

from salacia_db.codegen.facts import Column, NestedField, Parameter, Query, Span, ValueField

_WORD = re.compile(r"\w+|.", re.DOTALL)


def parameter_span(query: Query, parameter: Parameter) -> Span:
    """Where a parameter stands first; the statement's header where it has no place."""
    for use in query.statement.parameters:
        if use.number == parameter.number and use.markers:
            return use.markers[0].source
    return query.statement.header


def column_span(query: Query, column: Column) -> Span:
    """The first word of an output column; the whole statement where that is unknown."""
    statement = query.statement
    file = statement.body.file
    if column.at is None:
        return statement.body
    index = bisect_right(statement.pieces, column.at, key=lambda piece: piece[0]) - 1
    own, there = statement.pieces[index] if index >= 0 else (0, statement.body.start)
    start = there + column.at - own
    word = _WORD.match(file.text, start, statement.body.end)
    return statement.body if word is None else Span(file, start, word.end())


def field_span(query: Query, field: ValueField | NestedField) -> Span:
    """The first word of the output column that a field is, or begins with."""
    first = field.start if isinstance(field, NestedField) else field.column
    return column_span(query, query.columns[first])
