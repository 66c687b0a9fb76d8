"""The module of the table objects, by which `find` asks and relations load."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from salacia_db.codegen.emit import names
from salacia_db.codegen.emit.imports import RUNTIME, Imports, reference
from salacia_db.codegen.emit.mapping import TypeMap
from salacia_db.codegen.emit.registry import Class, Registry
from salacia_db.codegen.emit.shapes import Field, Shape
from salacia_db.codegen.emit.types import ANY, base_of, json_of
from salacia_db.codegen.emit.writer import Call, Code, docstring, layout, literal
from salacia_db.codegen.facts import ColumnRef, PgType, Table, TableRef
from salacia_db.codegen.problems import Problem

MODULE = ".tables"
_TEXTS = frozenset(("text", "varchar", "bpchar", "name", "citext"))
_JSON = frozenset(("json", "jsonb"))
_BOOL = reference("builtins", "bool")


class TableObject(Struct, frozen=True):
    """A table or view as an object of the package: `name` within `.tables`, and its struct."""

    name: str
    table: Table
    shape: Shape

    @property
    def text(self) -> str:
        """A reference to it."""
        return reference(MODULE, self.name)

    @property
    def class_name(self) -> str:
        """Its class."""
        return f"{names.class_name(self.name)}Table"

    def field(self, column: str) -> str:
        """The attribute that is this column."""
        numbers = [c.name for c in self.table.columns]
        return self.shape.fields[numbers.index(column)].name


def table_objects(
    tables: Iterable[Table],
    shapes: Mapping[TableRef, Shape],
    registry: Registry,
    types: TypeMap,
    report: Callable[[Problem], None],
) -> dict[TableRef, TableObject]:
    """An object for each table and view that can be read whole."""
    taken = names.Clashes("the package's `tables`", report)
    found: dict[TableRef, TableObject] = {}
    structs: set[tuple[str, Class]] = set()
    for table in tables:
        types_known = all(types.find(c.type, ColumnRef(table.ref, c.name)) for c in table.columns)
        # A value that the driver can't read may crash it; the struct's own problem says so.
        if not table.columns or not types_known:
            continue
        each = TableObject(registry.object_name(table.ref), table, shapes[table.ref])
        # Of one struct for both, the package has told already.
        if (each.name, each.shape.class_) not in structs:
            taken.take(each.name, f"table {table.ref.schema}.{table.ref.name}")
        structs.add((each.name, each.shape.class_))
        found[table.ref] = each
    return found


def tables_lines(objects: Sequence[TableObject], hidden: frozenset[str]) -> list[str]:
    """The module, from its docstring on."""
    local = hidden.union({"value"}, (each.name for each in objects))
    local = local.union(field.name for each in objects for field in each.shape.fields)
    imports = Imports(MODULE, local, [each.class_name for each in objects])
    body = [line for each in objects for line in _object(each, imports)]
    doc = "The database's tables and views, for `find`, `find_one`, `count` and relations."
    return [*docstring(doc), "", *imports.lines(), *body]


def sql_type(type_: PgType) -> str:
    """The type as SQL, without anything that would cut a value short."""
    parts = (type_.schema, type_.name)
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def _object(each: TableObject, imports: Imports) -> list[str]:
    table, shape = each.table, each.shape.decoded
    struct = imports.spell(shape.class_.text)
    base = f"{imports.use(RUNTIME, 'Table')}[{struct}]"
    lines = ["", "", *layout(Call(f"class {each.class_name}(", [base]), after=":")]
    lines += [*docstring(shape.doc, "    "), ""]
    for field, column in zip(shape.fields, table.columns, strict=True):
        code = _column(field, column.name, column.type, imports)
        lines += layout(code, indent="    ", before=f"{field.name} = ")
    named = [each.name, table.ref.schema, table.ref.name]
    label, schema, name = map(literal, named)
    items: list[Code] = [label, struct, schema, name]
    if shape.converts:
        items.append(f"build={imports.spell(shape.builder)}")
    if table.inert:
        items.append("proven=True")
    json = json_of(field.type for field in each.shape.fields)
    if json not in ("", ANY):
        items.append(f"json={imports.spell(json)}")
    return [*lines, "", "", *layout(Call(f"{each.class_name}(", items), before=f"{each.name} = ")]


def _column(field: Field, name: str, type_: PgType, imports: Imports) -> Call:
    base = base_of(type_)
    given = field.type.given
    items: list[Code] = [literal(name)]
    dump = _dump(field, base)
    if dump:
        items.append(f"dump={imports.spell(dump)}")
    if base.kind == "composite" or (base.kind == "enum" and type_ is not base):
        # Compared with a composite, PostgreSQL takes a parameter for a record of any kind; and it
        # knows no comparison of a domain over an enum.
        items.append(f"cast={literal(sql_type(base))}")
    if field.type.sequence or field.type.untold:
        items.append("listed=False")
    if not _builtin(type_):
        items.append("proven=False")
    if base.name == "bool" and given == _BOOL:
        return Call(f"{imports.use(RUNTIME, 'BoolColumn')}(", items)
    text = base.kind == "base" and base.name in _TEXTS
    column = imports.use(RUNTIME, "TextColumn" if text else "Column")
    return Call(f"{column}[{imports.spell(given)}](", items)


def _dump(field: Field, base: PgType) -> str:
    """What turns a value into the driver's, as an expression; empty where nothing has to be."""
    if field.type.secret:
        return reference(RUNTIME, "reveal")
    dump = field.type.dumped("value", nullable=False)
    if base.kind == "base" and base.name in _JSON:
        # Within the array of `in_` a list would be a further dimension of it.
        as_json = reference(RUNTIME, "as_json")
        return as_json if dump == "value" else f"lambda value: {as_json}({dump})"
    return "" if dump == "value" else f"lambda value: {dump}"


def _builtin(type_: PgType) -> bool:
    """Whether comparing values calls nothing but functions of PostgreSQL's own."""
    if type_.kind == "composite":
        return all(_builtin(attribute) for _, attribute in type_.attributes)
    if type_.kind in ("domain", "array") and type_.element is not None:
        return _builtin(type_.element)
    return type_.kind == "enum" or type_.schema == "pg_catalog"
