"""The plan of a query: its function's name, arguments and rows, before any line is written."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from salacia_db.codegen.emit import names
from salacia_db.codegen.emit.arguments import OF_ROWS, Argument, Arguments
from salacia_db.codegen.emit.mapping import TypeMap
from salacia_db.codegen.emit.places import column_span, field_span
from salacia_db.codegen.emit.registry import Class, Registry
from salacia_db.codegen.emit.shapes import Field, Shape
from salacia_db.codegen.emit.sharing import SharedRows
from salacia_db.codegen.emit.types import ANY, BYTES, PyType, array_type, json_of, optional, same
from salacia_db.codegen.emit.untyped import no_type
from salacia_db.codegen.facts import (
    Column,
    ColumnRef,
    NestedField,
    Query,
    Schema,
    Span,
    Table,
    ValueField,
)
from salacia_db.codegen.problems import Problem

# Kinds that give a number.
_COUNTING = ("exec", "copy")


class Row(Struct, frozen=True):
    """What a row becomes: `text` is its type.

    One of three: `shape`, filled by the whole row in order; `shape` with `items`, an expression
    for each field; `value`, one expression. `{}` stands for the row. `direct`: the value needs no
    conversion. `own`: the struct stands beside the query.
    """

    text: str
    shape: Shape | None = None
    items: tuple[str, ...] = ()
    value: str = ""
    direct: bool = False
    nullable: bool = False
    own: bool = False


class Method(Struct, frozen=True):
    """A query as a method of its group."""

    query: Query
    name: str
    arguments: tuple[Argument, ...]
    row: Row | None
    input: str | None
    json: str = ""
    """The type of JSON in the rows as they come, as `json_of` has it."""
    choices: tuple[Argument, ...] = ()
    """Further arguments, which choose lines of the text."""
    instead: "Method | None" = None
    """Of an UPDATE: what runs where it would set nothing."""


class Planner:
    """Plans queries against a schema; collects what it can't do as problems."""

    def __init__(self, schema: Schema, registry: Registry, types: TypeMap) -> None:
        self.registry = registry
        self.types = types
        self.problems: list[Problem] = []
        self._columns = {
            table.ref: [column.name for column in table.columns] for table in schema.tables
        }
        self.read: dict[Class, list[str]] = {}
        """The structs that are made of whole rows within values, with their columns."""
        self._beside: dict[str, names.Clashes] = {}
        self._arguments = Arguments(registry, types, self.problems.append, self._take)
        self.tables = {table.ref: self._table(table) for table in schema.tables}
        self._not_null = {
            table.ref: [column.not_null for column in table.columns] for table in schema.tables
        }
        self.shared = SharedRows(self.tables.values(), registry.top, self.problems.append)

    def plan(self, query: Query, module: str) -> Method | None:
        """The method of a query; None where there are problems."""
        before = len(self.problems)
        statement = query.statement
        name = names.field_name(statement.name)
        taken = self._clashes(f"`{statement.name}`")
        arguments = tuple(
            argument
            for parameter in query.parameters
            if (argument := self._arguments.parameter(query, parameter, taken))
        )
        prefix = names.class_name(f"{statement.group}_{statement.name}")
        choices = tuple(
            self._arguments.choice(
                choice, taken, Class(module, f"{prefix}{names.class_name(choice.name)}")
            )
            for choice in statement.choices
        )
        kind, called = statement.kind, f"`{statement.name}` is a :{statement.kind}"
        # What :exec returns is not fetched, and :copy returns nothing.
        row = None
        if query.columns and kind not in _COUNTING and self._has_structs(query):
            row = self._row(query, module)
        if not query.columns and kind not in (*_COUNTING, "bulk"):
            hint = "write :exec, or add RETURNING"
            self._report(f"{called} but returns no columns", statement.header, hint)
        of_rows = kind in OF_ROWS and (kind != "copy" or query.copy_target is not None)
        if not query.parameters and of_rows:
            self._report(f"{called} but takes no parameters", statement.header, "write :exec")
        if len(self.problems) > before:
            return None
        input_ = f"{prefix}Input" if of_rows else None
        if input_ is not None:
            self._take(Class(module, input_), f"the input of {statement.name!r}", statement.header)
        json = "" if row is None else json_of(self._columns_of(query))
        return Method(query, name, arguments, row, input_, json, choices)

    def _columns_of(self, query: Query) -> list[PyType | None]:
        """The types of the columns; None where one has none, which is reported."""
        return [self.column(query, column) for column in query.columns]

    def _fetched(self, query: Query) -> list[PyType | None]:
        """The types of the columns as they come: JSON is decoded already, or bytes."""
        found = self._columns_of(query)
        return found if json_of(found) == BYTES else [type_ and type_.decoded for type_ in found]

    def _report(self, message: str, at: Span | None, hint: str) -> None:
        self.problems.append(Problem(message, at=at, hint=hint))

    def _take(self, class_: Class, what: str, at: Span) -> None:
        """Take the name of a class that stands beside its query, in the group's module."""
        module = class_.module
        if module not in self._beside:
            group = names.group_class(module.rpartition(".")[2])
            self._beside[module] = self._clashes(f"`{module[1:]}`")
            self._beside[module].take(group, "the class of the group")
        self._beside[module].take(class_.name, what, at)

    def _clashes(self, scope: str) -> names.Clashes:
        return names.Clashes(scope, self.problems.append)

    def _row(self, query: Query, module: str) -> Row | None:
        statement, fields = query.statement, query.fields
        columns = self._fetched(query)
        for output in statement.output_types:
            if not any(output.name == f.name for f in fields if isinstance(f, ValueField)):
                listed = ", ".join(f.name for f in fields if isinstance(f, ValueField))
                message = f"`{statement.name}` has no output `{output.name}`"
                self._report(message, output.source, f"it has {listed or 'none'}")
        if statement.returns is None:
            if len(fields) == 1:
                return self._bare(query, columns)
            shape = self._whole(query)
            if shape is not None and not statement.output_types and self._keeps_nulls(query):
                return Row(shape.class_.text, shape=shape.decoded)
        if any(column is None for column in columns):
            return None
        built = [self._field(query, number, columns) for number in range(len(fields))]
        found = tuple(field for field, _ in built)
        taken = self._clashes(f"a row of `{statement.name}`")
        for field, source in zip(found, fields, strict=True):
            at = field_span(query, source)
            if source.name == _NAMELESS:
                message = f"a column of `{statement.name}` has no name"
                self._report(message, at, "name it with AS")
            taken.take(field.name, f"column {source.name!r}", at)
        shape, own = self._shape(query, module, found)
        if not _encoded(columns):
            shape = shape.decoded
        whole = not any(isinstance(field, NestedField) for field in fields)
        items = () if whole and not shape.converts else tuple(item for _, item in built)
        if shape.class_.module.startswith(".models") and whole:
            items = ()
        return Row(shape.class_.text, shape=shape, items=items, own=own)

    def _whole(self, query: Query) -> Shape | None:
        """The table's struct, where the rows are its rows and no column is called otherwise."""
        if query.table is None or [f.name for f in query.fields] != self._columns.get(query.table):
            return None
        return self.tables[query.table]

    def _shape(self, query: Query, module: str, fields: tuple[Field, ...]) -> tuple[Shape, bool]:
        """The struct for these fields, and whether it stands beside the query."""
        statement = query.statement
        if statement.returns is None:
            prefix = names.class_name(f"{statement.group}_{statement.name}")
            doc = f"A row of `{names.field_name(statement.name)}`."
            class_ = Class(module, f"{prefix}Row")
            self._take(class_, f"the row of {statement.name!r}", statement.header)
            return Shape(class_, fields, doc), True
        return self.shared.join(query, statement.returns, fields), False

    def _bare(self, query: Query, columns: list[PyType | None]) -> Row | None:
        (field,) = query.fields
        if isinstance(field, NestedField):
            nested, item = self._nested(field, encoded=_encoded(columns))
            if field.found is None:
                return Row(nested.class_.text, shape=nested)
            return Row(optional(nested.class_.text, True), value=item, nullable=True)
        type_ = columns[field.column]
        if type_ is None:
            return None
        nullable = query.columns[field.column].nullable
        value = type_.loaded(f"{{}}[{field.column}]", nullable=nullable)
        text = optional(type_.read, nullable)
        return Row(text, value=value, direct=type_.load is None, nullable=nullable)

    def _field(self, query: Query, number: int, columns: list[PyType | None]) -> tuple[Field, str]:
        field = query.fields[number]
        name = names.field_name(self.registry.renamed(field.name))
        if isinstance(field, NestedField):
            nested, item = self._nested(field, encoded=_encoded(columns))
            type_ = PyType(nested.class_.text, "", "", atomic=nested.atomic)
            return Field(name, type_, field.found is not None), item
        found = columns[field.column]
        assert found is not None
        nullable = query.columns[field.column].nullable
        return Field(name, found, nullable), found.loaded(
            f"{{}}[{field.column}]", nullable=nullable
        )

    def _nested(self, field: NestedField, *, encoded: bool) -> tuple[Shape, str]:
        whole = self.tables[field.table]
        item = whole.made_of(f"{{}}[{field.start}:{field.stop}]", encoded=encoded)
        shape = whole.decoded
        if field.found is None:
            return shape, item
        missing = f"{{}}[{field.found}]" + ("" if field.marker else " is None")
        return shape, f"None if {missing} else {item}"

    def column(self, query: Query, column: Column) -> PyType | None:
        """The type of one column of the wire; reports where there is none."""
        told = {output.name: output for output in query.statement.output_types}.get(column.name)
        if told is not None and not self.types.is_type(told.type):
            self._report(
                f"{told.type!r} is no type",
                told.source,
                'write a built-in type or the dotted path of one: "acme.Line", "list[acme.Line]"',
            )
            return same(ANY, atomic=False)
        if told is not None:
            self.problems += [replace(p, at=told.source) for p in self.types.unfound(told.type)]
        if column.rows in self.tables and told is None:
            return self._rows(query, column)
        found = self.types.find(
            column.type, column.origin, told.type if told else None, filled=column.filled
        )
        if found is None:
            self.problems.append(
                no_type(
                    column.type, f"column `{column.name}`", column_span(query, column), self.tables
                )
            )
        return found

    def _rows(self, query: Query, column: Column) -> PyType | None:
        """A list of whole rows of a table."""
        assert column.rows is not None
        shape = self.tables[column.rows]
        unread = [field.name for field in shape.fields if field.type.text]
        if unread:
            self._report(
                f"`{column.name}` holds whole rows of {column.rows.name}, which the driver can't "
                f"read: it carries {', '.join(f'`{name}`' for name in unread)} only as text",
                column_span(query, column),
                "aggregate the columns you need one by one, or as jsonb",
            )
            return None
        self.read[shape.class_] = self._columns[column.rows]
        read = f"{shape.class_.reader}({{}})"
        encoded = any(field.type.encoded for field in shape.fields)
        text = shape.class_.text
        row = PyType(text, text, ANY, load=read, atomic=False, encoded=encoded)
        return array_type(row, nulls=not column.filled)

    def _table(self, table: Table) -> Shape:
        where = f"{table.ref.schema}.{table.ref.name}"
        fields: list[Field] = []
        for name, column in zip(self.registry.fields(table.ref), table.columns, strict=True):
            found = self.types.find(column.type, ColumnRef(table.ref, column.name))
            if found is None:
                # Only an error where a query meets it.
                found = same(ANY, atomic=False)
                message = f"no Python type for {column.type.display}, the type of {where}."
                hint = f'map it under [tool.salacia.types]: "{where}.{column.name}" = "str", say'
                self.problems.append(Problem(message + column.name, hint=hint, severity="warning"))
            fields.append(Field(name, found, not column.not_null, column.comment or ""))
        what = "view" if table.kind in "vm" else "table"
        doc = table.comment or f"A row of the {what} `{where}`."
        return Shape(self.registry.tables[table.ref], tuple(fields), doc)

    def _has_structs(self, query: Query) -> bool:
        """Whether each whole row in the rows is of a table that has a struct."""
        nested = [field for field in query.fields if isinstance(field, NestedField)]
        for field in nested:
            if field.table not in self.tables:
                table = f"{field.table.schema}.{field.table.name}"
                message = f"whole rows of {table} have no struct, as it is not part of the schema"
                at = field_span(query, field)
                self._report(message, at, "name its columns")
        return all(field.table in self.tables for field in nested)

    def _keeps_nulls(self, query: Query) -> bool:
        """Whether the table's struct says None wherever the query may give it."""
        assert query.table is not None
        known = self._not_null[query.table]
        return len(known) == len(query.columns) and not any(
            column.nullable and not_null
            for column, not_null in zip(query.columns, known, strict=True)
        )


def _encoded(columns: Iterable[PyType | None]) -> bool:
    """Whether JSON comes as the bytes of its text."""
    return any(type_ is not None and type_.encoded for type_ in columns)


# What PostgreSQL calls an expression that it has no name for.
_NAMELESS = "?column?"
