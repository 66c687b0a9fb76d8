"""The catalog, read from a server in a handful of statements."""

import re
from collections.abc import Iterable
from typing import Literal, TypeVar

import msgspec
from msgspec.structs import replace

from salacia_db.codegen.analysis import systables
from salacia_db.codegen.analysis.catalog import (
    FIRST_USER_OID,
    Catalog,
    Event,
    Function,
    Relation,
    Trigger,
)
from salacia_db.codegen.analysis.server import Server
from salacia_db.codegen.analysis.systables import (
    ChildRow,
    ColumnRow,
    ForeignKeyRow,
    FunctionRow,
    IndexRow,
    OperatorRow,
    RelationRow,
    TriggerRow,
    TypeRow,
    read,
)
from salacia_db.codegen.facts import ForeignKey, PgType, Table, TableColumn, TableRef

Row = TypeVar("Row", ForeignKeyRow, IndexRow, TriggerRow)
Kind = Literal["base", "array", "enum", "composite", "domain", "range", "multirange", "pseudo"]
_EVENTS: tuple[tuple[int, Event], ...] = (
    (4, "insert"),
    (8, "delete"),
    (16, "update"),
    (32, "truncate"),
)
# The functions and operators that a printed expression calls.
_CALLED = re.compile(r":(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)")
# `current_date` and the like call no function: they count as now().
_TIME = re.compile(r"SQLVALUEFUNCTION :op [0-8] ")
_NOW = 1299
_KINDS: dict[str, Kind] = {
    "b": "base",
    "c": "composite",
    "d": "domain",
    "e": "enum",
    "m": "multirange",
    "p": "pseudo",
    "r": "range",
}


def load(server: Server) -> Catalog:
    """The catalog of the database that the server is connected to. Raises ServerError."""
    columns: dict[int, list[ColumnRow]] = {}
    for column in read(server, systables.COLUMNS, ColumnRow):
        columns.setdefault(column.relation, []).append(column)
    rows = {row.oid: row for row in read(server, systables.TYPES, TypeRow)}
    types = _types(rows, columns)
    operators = list(read(server, systables.OPERATORS, OperatorRow))
    functions = [
        Function(
            oid=f.oid,
            schema=f.schema,
            name=f.name,
            kind=f.kind,
            strict=f.strict,
            volatility=f.volatility,
            returns_set=f.returns_set,
            language=f.language,
            arguments=f.arguments,
            result=f.result,
            rows=f.rows,
            body=f.body if f.oid >= FIRST_USER_OID else "",
        )
        for f in read(server, systables.FUNCTIONS, FunctionRow)
    ]
    return Catalog(
        server_version=server.version,
        types=types,
        relations=_relations(server, columns, types),
        functions={f.oid: f for f in functions},
        operators={o.oid: (o.name, o.function) for o in operators},
        equality=frozenset(o.oid for o in operators if o.equality),
        extension_types=frozenset(row.oid for row in rows.values() if row.extension),
        domain_functions={r.oid: _called([r.checks]) for r in rows.values() if r.checks},
        keywords=frozenset(msgspec.json.decode(server.json(systables.KEYWORDS), type=list[str])),
        search_path=tuple(msgspec.json.decode(server.json(systables.PATH), type=list[str])),
    )


def _called(printed: Iterable[str]) -> frozenset[int]:
    oids: set[int] = set()
    for trees in printed:
        oids |= {int(oid) for oid in _CALLED.findall(trees)}
        if _TIME.search(trees):
            oids.add(_NOW)
    return frozenset(oids)


def _types(rows: dict[int, TypeRow], columns: dict[int, list[ColumnRow]]) -> dict[int, PgType]:
    types: dict[int, PgType] = {}

    def build(oid: int) -> PgType:
        known = types.get(oid)
        if known is not None:
            return known
        row = rows[oid]
        kind: Kind = "array" if row.kind == "b" and row.array else _KINDS[row.kind]
        # Only a few base types have elements, and they (point, name) don't behave like arrays.
        element = kind not in ("base", "pseudo") and row.element in rows
        types[oid] = PgType(
            oid=oid,
            schema=row.schema,
            name=row.name,
            display=row.display,
            kind=kind,
            element=build(row.element) if element else None,
            labels=row.labels,
            # PostgreSQL forbids a composite type to contain itself, however deep: no cycles.
            attributes=tuple(
                (column.name, build(column.type))
                for column in columns.get(row.relation, ())
                if column.type in rows
            ),
            not_null=row.not_null,
            comment=row.comment,
        )
        return types[oid]

    for oid in rows:
        build(oid)
    return types


def _relations(
    server: Server, columns: dict[int, list[ColumnRow]], types: dict[int, PgType]
) -> dict[int, Relation]:
    rows = {row.oid: row for row in read(server, systables.RELATIONS, RelationRow)}
    descendants, inherited = _descendants(read(server, systables.CHILDREN, ChildRow))
    indexes = _by_relation(read(server, systables.INDEXES, IndexRow))
    triggers = _by_relation(read(server, systables.TRIGGERS, TriggerRow))
    foreign = _by_relation(read(server, systables.FOREIGN_KEYS, ForeignKeyRow))
    relations: dict[int, Relation] = {}
    for oid, row in rows.items():
        own = columns.get(oid, [])
        family = [rows[o] for o in (oid, *descendants.get(oid, ())) if o in rows]
        alone = frozenset(c.number for c in own if c.not_null)
        names = [{c.name for c in columns.get(r.oid, ()) if c.not_null} for r in family]
        not_null = frozenset(c.number for c in own if all(c.name in known for known in names))
        collations = {c.number: c.collation for c in own}
        unique = [
            index
            for index in indexes.get(oid, ())
            if all(
                collations.get(n) == c for n, c in zip(index.columns, index.collations, strict=True)
            )
        ]
        keys = [index for index in unique if not index.predicate]
        partial = [] if oid in inherited else [index for index in unique if index.predicate]
        # A child's rows are not in the parent's index, unless it is a partition.
        readable = [] if oid in inherited else keys
        relations[oid] = Relation(
            table=replace(
                _table(row, own, types, not_null, readable),
                foreign_keys=tuple(
                    _foreign_key(key, rows, columns) for key in foreign.get(oid, ())
                ),
            ),
            not_null=not_null,
            not_null_alone=alone,
            keys=tuple(frozenset(index.columns) for index in readable),
            keys_alone=tuple(frozenset(index.columns) for index in keys),
            partial_keys=tuple((frozenset(i.columns), i.predicate) for i in partial),
            triggers=tuple(_trigger(t) for r in family for t in triggers.get(r.oid, ())),
            rules=frozenset(row.rules),
            row_security=any(r.row_security for r in family),
            foreign=any(r.kind == "f" for r in family),
            policy_functions=_called(r.policies for r in family),
            check_functions=_called(r.checks for r in family),
            cascades=frozenset(o for r in family for o in r.cascades),
            row_type=row.row_type,
            partition=row.partition,
            extension=row.extension,
            # A column has another number in a child, and may be unique there alone.
            exclusive=frozenset(row.exclusive if len(family) == 1 else (0,)),
            deferrable=any(r.deferrable for r in family),
        )
    return relations


def _table(
    row: RelationRow,
    columns: Iterable[ColumnRow],
    types: dict[int, PgType],
    not_null: frozenset[int],
    keys: list[IndexRow],
) -> Table:
    names = {column.number: column.name for column in columns}
    return Table(
        oid=row.oid,
        ref=TableRef(row.schema, row.name),
        kind=row.kind,
        columns=tuple(
            TableColumn(
                number=column.number,
                name=column.name,
                type=types[column.type],
                not_null=column.number in not_null,
                has_default=column.has_default,
                generated=column.generated,
                comment=column.comment,
            )
            for column in columns
        ),
        comment=row.comment,
        primary_key=next((tuple(names[n] for n in k.columns) for k in keys if k.primary), ()),
        unique_keys=tuple(tuple(names[n] for n in k.columns) for k in keys),
    )


def _foreign_key(
    key: ForeignKeyRow, rows: dict[int, RelationRow], columns: dict[int, list[ColumnRow]]
) -> ForeignKey:
    other = rows[key.other]
    own = {column.number: column.name for column in columns[key.relation]}
    referred = {column.number: column.name for column in columns[key.other]}
    return ForeignKey(
        columns=tuple(own[number] for number in key.columns),
        table=TableRef(other.schema, other.name),
        referred=tuple(referred[number] for number in key.referred),
        name=key.name,
        checked=key.checked,
    )


def _trigger(row: TriggerRow) -> Trigger:
    return Trigger(
        name=row.name,
        timing="instead" if row.bits & 64 else "before" if row.bits & 2 else "after",
        per_row=bool(row.bits & 1),
        events=frozenset(event for bit, event in _EVENTS if row.bits & bit),
        function=row.function,
        only_writes=row.only_writes,
    )


def _by_relation(rows: Iterable[Row]) -> dict[int, list[Row]]:
    grouped: dict[int, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.relation, []).append(row)
    return grouped


def _descendants(children: list[ChildRow]) -> tuple[dict[int, set[int]], set[int]]:
    """Each relation's descendants, and the relations with children that aren't partitions."""
    direct: dict[int, list[ChildRow]] = {}
    for row in children:
        direct.setdefault(row.parent, []).append(row)

    def below(oid: int) -> set[int]:
        return {o for row in direct.get(oid, ()) for o in (row.child, *below(row.child))}

    inherited = {row.parent for row in children if not row.partition}
    return {parent: below(parent) for parent in direct}, inherited
