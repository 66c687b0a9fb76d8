"""The modules of structs: tables, enums, composites, named rows, errors."""

from collections.abc import Mapping, Sequence

from salacia_db.codegen.emit.imports import RUNTIME, Imports
from salacia_db.codegen.emit.registry import Class, Registry
from salacia_db.codegen.emit.shapes import (
    Shape,
    reader_lines,
    shape_lines,
    struct_lines,
    unpacker_lines,
)
from salacia_db.codegen.emit.writer import docstring, literal
from salacia_db.codegen.facts import PgType


def shapes_lines(
    doc: str,
    module: str,
    shapes: Sequence[Shape],
    read: Mapping[Class, Sequence[str]],
    hidden: frozenset[str],
    *,
    package: bool = False,
) -> list[str]:
    """A module of structs in the order given, with their builders.

    `read` are those which are made of whole rows within values, with their columns.
    """
    local = hidden.union(field.name for shape in shapes for field in shape.fields)
    defined = {shape.class_.name for shape in shapes}
    imports = Imports(module, local, defined, package=package)
    body: list[str] = []
    for shape in shapes:
        body += ["", "", *shape_lines(shape.decoded, imports)]
        if shape.class_ in read:
            body += reader_lines(shape, read[shape.class_], imports)
    decoders = imports.decoders()
    head = imports.lines()
    return [*docstring(doc), *(["", *head] if head else []), *decoders, *body]


def composites_lines(shapes: Sequence[Shape], hidden: frozenset[str]) -> list[str]:
    """The module of the composite types, each after those that it holds, and how to pass them."""
    local = hidden.union(field.name for shape in shapes for field in shape.fields)
    imports = Imports(".composites", local, {shape.class_.name for shape in shapes})
    body: list[str] = []
    for shape in shapes:
        body += ["", "", *shape_lines(shape, imports), *unpacker_lines(shape, imports)]
    decoders = imports.decoders()
    head = [*docstring("The database's composite types."), "", *imports.lines(), *decoders]
    return [*head, *body]


def rows_lines(shapes: Sequence[Shape], hidden: frozenset[str]) -> list[str]:
    """The module of the rows that queries share: their structs alone, since queries fill them."""
    local = hidden.union(field.name for shape in shapes for field in shape.fields)
    imports = Imports(".rows", local, {shape.class_.name for shape in shapes})
    body = [line for shape in shapes for line in ("", "", *struct_lines(shape, imports))]
    return [*docstring("Rows that queries share by `-- returns:`."), "", *imports.lines(), *body]


def enums_lines(enums: Sequence[PgType], registry: Registry, hidden: frozenset[str]) -> list[str]:
    """The module of the enums: a member is a string, its label."""
    classes = {enum: registry.enums[enum.schema, enum.name].name for enum in enums}
    imports = Imports(".enums", hidden, classes.values())
    base = imports.use("enum", "StrEnum")
    body: list[str] = []
    for enum, name in classes.items():
        body += ["", "", f"class {name}({base}):"]
        body += docstring(enum.comment or f"The enum `{enum.schema}.{enum.name}`.", "    ")
        body += [""] if enum.labels else []
        for member, label in zip(registry.members(enum), enum.labels, strict=True):
            body.append(f"    {member} = {literal(label)}")
    return [*docstring("The database's enums."), "", *imports.lines(), *body]


def errors_lines(errors: Mapping[str, Sequence[str]], hidden: frozenset[str]) -> list[str]:
    """The module of the errors that `-- none:` names; each with the queries that raise it."""
    imports = Imports(".errors", hidden, errors)
    base = imports.use(RUNTIME, "NotFound")
    body: list[str] = []
    for name in sorted(errors):
        queries = " and ".join(f"`{query}`" for query in errors[name])
        body += ["", "", f"class {name}({base}):"]
        body += docstring(f"Raised by {queries} where there is no such row.", "    ")
    return [*docstring("Errors that queries name by `-- none:`."), "", *imports.lines(), *body]
