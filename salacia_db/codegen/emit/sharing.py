"""Rows that several queries share by `-- returns: Name`: one struct, where their shapes agree."""

from collections.abc import Callable, Collection
from itertools import zip_longest

from msgspec.structs import replace

from salacia_db.codegen.emit import names
from salacia_db.codegen.emit.imports import plain
from salacia_db.codegen.emit.registry import Class
from salacia_db.codegen.emit.shapes import Field, Shape
from salacia_db.codegen.facts import Query
from salacia_db.codegen.problems import Problem

MODULE = ".rows"


class SharedRows:
    """The structs that queries name.

    Names and types of the fields must agree, in their order. Where one query proves a column not
    null and another can't, the field of the struct they share is nullable. The name of a table's
    struct means that struct: there, what the table has not null must be so.
    """

    def __init__(
        self, tables: Collection[Shape], top: names.Clashes, report: Callable[[Problem], None]
    ) -> None:
        self._tables = {shape.class_.name: shape for shape in tables if shape.class_.main}
        self._top = top
        self._report = report
        self._shapes: dict[str, Shape] = {}
        self._users: dict[str, list[str]] = {}

    def shapes(self) -> list[Shape]:
        """The structs that are no table's, by name."""
        return [
            replace(shape, doc=f"A row of {' and '.join(self._users[name])}.")
            for name, shape in sorted(self._shapes.items())
        ]

    def join(self, query: Query, name: str, fields: tuple[Field, ...]) -> Shape:
        """The struct of that name, for one more query; reports where it doesn't fit."""
        table = self._tables.get(name)
        if table is not None:
            if not _same(table.fields, fields) or _looser(table.fields, fields):
                self._differs(query, table, f"the table's struct `{name}`", fields)
            return table
        statement = query.statement
        if name not in self._shapes:
            if not names.is_class_name(name):
                message = f"`{name}` can't be a class"
                hint = "write a name like `Total`"
                self._report(Problem(message, at=statement.header, hint=hint))
            self._top.take(name, f"`-- returns: {name}`", statement.header)
            self._shapes[name] = Shape(Class(MODULE, name), fields)
        shape = self._shapes[name]
        path = ".".join(filter(None, (statement.schema, statement.group, statement.name)))
        users = self._users.setdefault(name, [])
        users.append(f"`{path}`")
        if _same(shape.fields, fields):
            merged = tuple(map(_merged, shape.fields, fields))
            self._shapes[name] = replace(shape, fields=merged)
        else:
            self._differs(query, shape, users[0], fields)
        return shape

    def _differs(self, query: Query, other: Shape, source: str, fields: tuple[Field, ...]) -> None:
        pairs = zip_longest(map(_shown, fields), map(_shown, other.fields))
        differences = [_difference(ours, theirs) for ours, theirs in pairs if ours != theirs]
        self._report(
            Problem(
                f"the rows of `{query.statement.name}` are not those of {source}: "
                + "; ".join(differences[:3]),
                at=query.statement.header,
                hint="make the columns the same, or give the rows another name",
            )
        )


def _difference(ours: str | None, theirs: str | None) -> str:
    if ours is None or theirs is None:
        return f"no `{theirs}` here" if ours is None else f"no `{ours}` there"
    return f"`{ours}` here, `{theirs}` there"


def _same(one: tuple[Field, ...], other: tuple[Field, ...]) -> bool:
    return [(f.name, f.type.read) for f in one] == [(f.name, f.type.read) for f in other]


def _looser(table: tuple[Field, ...], fields: tuple[Field, ...]) -> bool:
    return any(
        ours.nullable and not theirs.nullable for ours, theirs in zip(fields, table, strict=True)
    )


def _merged(one: Field, other: Field) -> Field:
    return replace(one, nullable=one.nullable or other.nullable)


def _shown(field: Field) -> str:
    return f"{field.name}: {plain(field.text)}"
