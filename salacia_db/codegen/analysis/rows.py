"""What the columns of a statement's rows are, and how they make up a row."""

from collections.abc import Callable, Iterable
from itertools import accumulate

from msgspec import Struct

from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.expand import Part
from salacia_db.codegen.analysis.names import outputs
from salacia_db.codegen.analysis.proofs.collected import Collected, collected
from salacia_db.codegen.analysis.proofs.proof import Proof
from salacia_db.codegen.analysis.server import Parsed, WireColumn
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import descend
from salacia_db.codegen.facts import (
    Column,
    ColumnRef,
    NestedField,
    PgType,
    Span,
    Statement,
    Table,
    TableRef,
    ValueField,
)
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.positions import span_at_byte

# Where the nodes that can be of a domain's type tell their type.
_RESULT_TYPES = ("vartype", "resulttype", "funcresulttype", "coalescetype", "casetype", "paramtype")
_NO_NAME = "?column?"


class Row(Struct, frozen=True):
    """The columns on the wire, the fields that they make, and the table whose row they are."""

    columns: tuple[Column, ...]
    fields: tuple[ValueField | NestedField, ...]
    table: TableRef | None
    tables: tuple[Table, ...]
    """The tables of the nested fields."""

    def weak(self, field: NestedField) -> bool:
        """Whether a column of the whole row may be NULL though the table's isn't."""
        table = next(table for table in self.tables if table.ref == field.table)
        own = self.columns[field.start : field.stop]
        pairs = zip(own, table.columns, strict=True)
        return any(column.nullable and known.not_null for column, known in pairs)


def columns(
    wire: tuple[WireColumn, ...],
    query: Node | None,
    proofs: list[Proof],
    catalog: Catalog,
    place: Callable[[int], int],
) -> tuple[Column, ...]:
    """The columns as facts; without proofs every one is nullable.

    `place` tells which character of the statement's own text a byte of the sent one is.
    """
    entries = [] if query is None else outputs(query)
    if len(entries) != len(wire):
        entries = [Node("", {})] * len(wire)
    if len(proofs) != len(wire):
        proofs = [Proof(True, "null: nothing is known of the statement's tree")] * len(wire)
    arrays = [] if query is None else collected(query, catalog)
    if len(arrays) != len(wire):
        arrays = [Collected()] * len(wire)
    starts = [_start(entry) for entry in entries]
    decided = [proof.location if proof.cause is None else proof.cause for proof in proofs]
    return tuple(
        Column(
            name=column.name,
            type=_type(column, entry, catalog),
            nullable=proof.nullable,
            origin=_origin(column, catalog),
            reason=proof.reason,
            place=None if cause is None else place(cause),
            hint=proof.hint,
            filled=held.filled,
            rows=held.rows,
            at=None if start is None else place(start),
        )
        for column, entry, proof, held, start, cause in zip(
            wire, entries, proofs, arrays, starts, decided, strict=True
        )
    )


def row(
    found: tuple[Column, ...], parts: tuple[Part, ...], missing: frozenset[int], catalog: Catalog
) -> Row:
    """The row that the columns make; `missing` are the outputs whose whole row may be missing."""
    whole = _table(found, catalog)
    if len(parts) == 1 and parts[0].table is not None and parts[0].output not in missing:
        # A single whole row that is always there is the row itself.
        parts = tuple(Part(column.name, 0) for column in found)
    names = _unique(part.name for part in parts)
    widths = [part.width + part.marker for part in parts]
    fields: list[ValueField | NestedField] = []
    starts = accumulate(widths, initial=0)
    for part, name, start in zip(parts, names, starts, strict=False):
        if part.table is None:
            fields.append(ValueField(name, start))
            continue
        fields.append(
            NestedField(
                name=name,
                table=part.table.ref,
                start=start,
                stop=start + part.width,
                found=_found(part, part.table, start) if part.output in missing else None,
                marker=part.marker,
            )
        )
    tables = tuple(part.table for part in parts if part.table is not None)
    return Row(found, tuple(fields), whole, tables)


def unnamed(statement: Statement, parts: tuple[Part, ...], parsed: Parsed) -> list[Problem]:
    """A problem for each column that has no name, unless it is the only one."""
    lenient = len(parts) == 1 or statement.dialect == "sqlc"
    if lenient or not any(part.name == _NO_NAME for part in parts):
        return []
    entries = [] if parsed.main is None else outputs(parsed.main)
    return [
        Problem(
            f"column {index} of the result has no name",
            at=_place(statement, entries[part.output] if part.output < len(entries) else None),
            hint="name it: `… as name`",
        )
        for index, part in enumerate(parts, 1)
        if part.name == _NO_NAME
    ]


def _place(statement: Statement, entry: Node | None) -> Span:
    """Where the first word of an output column stands that the tree has the place of."""
    start = None if entry is None else _start(entry)
    return statement.header if start is None else span_at_byte(statement, start)


def _start(entry: Node) -> int | None:
    """The first place in the text that the tree of an output column has."""
    locations = (node.get("location") for node in descend(entry))
    return min((n for n in locations if isinstance(n, int) and n >= 0), default=None)


def untrusted(statement: Statement, found: Row) -> list[Problem]:
    """A problem for each whole row that may hold NULL where its table never does."""
    return [
        Problem(
            f"`{field.name}` may be NULL in columns in which its table never is:"
            " a trigger or a rule decides what is returned",
            at=statement.header,
            hint="list the columns instead of the whole row",
        )
        for field in found.fields
        if isinstance(field, NestedField) and field.found is None and found.weak(field)
    ]


def named(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The parts with a name for those that PostgreSQL leaves without one."""
    sole = len(parts) == 1
    return tuple(
        Part("value" if sole else f"column_{index}", part.output) if part.name == _NO_NAME else part
        for index, part in enumerate(parts, 1)
    )


def _found(part: Part, table: Table, start: int) -> int:
    if part.marker:
        return start + part.width
    return start + next(i for i, column in enumerate(table.columns) if column.not_null)


def _table(found: tuple[Column, ...], catalog: Catalog) -> TableRef | None:
    """The table whose columns these are: all of them, in order, none weaker than there."""
    if not found or found[0].origin is None:
        return None
    ref = found[0].origin.table
    table = next((r.table for r in catalog.relations.values() if r.table.ref == ref), None)
    if table is None or len(table.columns) != len(found):
        return None
    same = all(
        column.origin == ColumnRef(ref, own.name)
        and column.type.oid == own.type.oid
        and not (column.nullable and own.not_null)
        for column, own in zip(found, table.columns, strict=True)
    )
    return ref if same else None


def _unique(names: Iterable[str]) -> list[str]:
    taken: list[str] = []
    for name in names:
        unique, count = name, 2
        while unique in taken:
            unique, count = f"{name}_{count}", count + 1
        taken.append(unique)
    return taken


def _origin(column: WireColumn, catalog: Catalog) -> ColumnRef | None:
    relation = catalog.relations.get(column.table)
    if relation is None:
        return None
    names = {own.number: own.name for own in relation.table.columns}
    name = names.get(column.attribute)
    return None if name is None else ColumnRef(relation.table.ref, name)


def _type(column: WireColumn, entry: Node, catalog: Catalog) -> PgType:
    """The column's type; a domain as such, though the row description tells only its base."""
    told = catalog.types.get(column.type)
    if told is None:
        return PgType(column.type, "", "unknown", "unknown", "pseudo")
    expression = entry.node("expr")
    fields = () if expression is None else _RESULT_TYPES
    oids = (expression.number(field) for field in fields if expression is not None)
    domain = catalog.types.get(next((oid for oid in oids if oid), 0))
    return domain if domain is not None and base(domain).oid == told.oid else told


def base(kind: PgType) -> PgType:
    """The type that a domain restricts; any other type itself."""
    while kind.kind == "domain" and kind.element is not None:
        kind = kind.element
    return kind
