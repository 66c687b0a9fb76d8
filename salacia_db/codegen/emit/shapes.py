"""Shapes: the structs that rows become, and how the driver's values fill them."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from salacia_db.codegen.emit.imports import Imports
from salacia_db.codegen.emit.registry import Class
from salacia_db.codegen.emit.types import BYTES, DECODE_AT, TUPLE, PyType, json_of, optional
from salacia_db.codegen.emit.writer import Call, Code, docstring, layout, literal


class Field(Struct, frozen=True):
    """A field of a struct, with what its docstring says."""

    name: str
    type: PyType
    nullable: bool
    doc: str = ""

    @property
    def text(self) -> str:
        """Its type in a row."""
        return optional(self.type.read, self.nullable)


class Shape(Struct, frozen=True):
    """A frozen struct whose fields stand in the order of the columns."""

    class_: Class
    fields: tuple[Field, ...]
    doc: str = ""

    @property
    def atomic(self) -> bool:
        """Whether the garbage collector need not look inside."""
        return all(field.type.atomic for field in self.fields)

    @property
    def converts(self) -> bool:
        """Whether a field is not what the driver gives, so that the struct needs a builder."""
        return any(field.type.load for field in self.fields)

    @property
    def decoded(self) -> "Shape":
        """The same where the driver decodes its JSON: where all of that is of one type."""
        if json_of(field.type for field in self.fields) in ("", BYTES):
            return self
        fields = tuple(replace(field, type=field.type.decoded) for field in self.fields)
        return replace(self, fields=fields)

    def made_of(self, values: str, *, encoded: bool) -> str:
        """The expression for the struct of a row's values; `encoded`: JSON in it is bytes."""
        made = self.decoded
        if encoded and made is not self:
            loads = {str(n): f.type.load for n, f in enumerate(self.fields) if f.type.encoded}
            decoder = next(filter(None, loads.values())).removesuffix("({})")
            values = f"{DECODE_AT}({', '.join((decoder, values, *loads))})"
        return f"{made.builder}(*{values})"

    @property
    def builder(self) -> str:
        """A reference to what takes the driver's values by position."""
        return self.class_.builder if self.converts else self.class_.text


def struct_lines(shape: Shape, imports: Imports) -> list[str]:
    """The struct's class."""
    struct = imports.use("salacia_db.runtime", "Struct")
    options = ["frozen=True", *(["gc=False"] if shape.atomic else [])]
    lines = layout(Call(f"class {shape.class_.name}(", [struct, *options]), after=":")
    body = docstring(shape.doc, "    ")
    if body and shape.fields:
        body.append("")
    for field in shape.fields:
        body.append(f"    {field.name}: {imports.spell(field.text)}")
        body += docstring(field.doc, "    ")
    return [*lines, *(body or ["    pass"])]


def builder_lines(shape: Shape, imports: Imports) -> list[str]:
    """The function that turns the driver's values into the struct; nothing where none is needed."""
    if not shape.converts:
        return []
    name = shape.class_.name
    parameters: list[Code] = [
        f"{field.name}: {imports.spell(optional(field.type.base, field.nullable))}"
        for field in shape.fields
    ]
    values: list[Code] = [
        imports.spell(field.type.loaded(field.name, nullable=field.nullable))
        for field in shape.fields
    ]
    function = imports.spell(shape.builder)
    return [
        "",
        "",
        *layout(Call(f"def {function}(", parameters), after=f" -> {name}:"),
        f'    """Make {_article(name)} {name} of the values that the driver gives."""',
        *layout(Call(f"{name}(", values), indent="    ", before="return "),
    ]


def reader_lines(shape: Shape, columns: Sequence[str], imports: Imports) -> list[str]:
    """The function that makes the struct of a whole row within a value.

    By name: a connection may still know the table as it was before a column was added.
    """
    name = shape.class_.name
    row = f"{imports.use('collections.abc', 'Mapping')}[{imports.use('builtins', 'str')}, "
    values: list[Code] = [
        imports.spell(field.type.loaded(f"row[{literal(column)}]", nullable=field.nullable))
        for field, column in zip(shape.fields, columns, strict=True)
    ]
    head = f"def {imports.spell(shape.class_.reader)}(row: {row}{imports.use('typing', 'Any')}])"
    return [
        "",
        "",
        f"{head} -> {name}:",
        f'    """Make {_article(name)} {name} of a row that stands within a value."""',
        *layout(Call(f"{name}(", values), indent="    ", before="return "),
    ]


def unpacker_lines(shape: Shape, imports: Imports) -> list[str]:
    """The function that turns a composite's struct into what the driver takes."""
    values: list[Code] = [
        imports.spell(field.type.dumped(f"value.{field.name}", nullable=field.nullable))
        for field in shape.fields
    ]
    head = f"def {imports.spell(shape.class_.unpacker)}(value: {shape.class_.name})"
    close = ",)" if len(values) == 1 else ")"
    return [
        "",
        "",
        f"{head} -> {imports.spell(TUPLE)}:",
        '    """Make what the driver takes."""',
        *layout(Call("(", values, close, hug=False), indent="    ", before="return "),
    ]


def shape_lines(shape: Shape, imports: Imports) -> list[str]:
    """The struct and its builder."""
    return [*struct_lines(shape, imports), *builder_lines(shape, imports)]


def _article(name: str) -> str:
    return "an" if name[0] in "AEIOaeio" else "a"
