"""A group's module: its statements, its row structs and the class whose methods run them."""

from collections.abc import Mapping

from msgspec import Struct

from salacia_db.codegen.emit.arguments import UUID7
from salacia_db.codegen.emit.dynamic import dynamic_lines, paged_lines
from salacia_db.codegen.emit.imports import RUNTIME, Imports, reference
from salacia_db.codegen.emit.method import method_lines
from salacia_db.codegen.emit.plan import Method
from salacia_db.codegen.emit.shapes import Shape, struct_lines
from salacia_db.codegen.emit.types import ANY, BYTES, optional
from salacia_db.codegen.emit.writer import (
    Call,
    Code,
    Named,
    docstring,
    layout,
    literal,
    strings,
    text_lines,
)
from salacia_db.codegen.facts import Batch, Json, TableRef, Unnested

# Kinds that give a row. In sqlc's dialect there may be others behind it.
_SINGLE = ("one", "one!")
# Kinds whose rows come at once. A cursor lives in a transaction.
_FETCHED = ("one", "one!", "many", "page")


class Group(Struct, frozen=True):
    """A module of queries: `path` leads to it from the database (`billing`, `invoices`)."""

    path: tuple[str, ...]
    module: str
    class_name: str
    sources: tuple[str, ...]
    methods: tuple[Method, ...]

    @property
    def text(self) -> str:
        """A reference to its class."""
        return reference(self.module, self.class_name)

    @property
    def doc(self) -> str:
        """What its module and class hold."""
        return f"Queries of {' and '.join(self.sources)}."


def group_lines(
    group: Group, tables: Mapping[TableRef, Shape], hidden: frozenset[str]
) -> list[str]:
    """The module, from its docstring on."""
    defined = {group.class_name}
    local = set(hidden)
    for method in group.methods:
        local |= {method.name, constant(method)}
        local |= {a.name for a in (*method.arguments, *method.choices)}
        defined |= {a.alias.name for a in method.choices if a.alias}
        if method.input:
            defined.add(method.input)
        if method.row and method.row.own and method.row.shape:
            defined.add(method.row.shape.class_.name)
            local |= {field.name for field in method.row.shape.fields}
    imports = Imports(group.module, local, defined)
    body: list[str] = []
    for method in group.methods:
        body += _structs(method, imports)
    statements = [line for m in group.methods for line in _statement(group, m, tables, imports)]
    base = imports.use(RUNTIME, "Group")
    body += ["", "", f"class {group.class_name}({base}):", *docstring(group.doc, "    "), ""]
    body.append("    __slots__ = ()")
    for method in group.methods:
        body += ["", *method_lines(method, constant(method), imports)]
    decoders = imports.decoders()
    head = [*docstring(group.doc), "", *imports.lines(), *decoders]
    return [*head, "", *statements, *body]


def constant(method: Method) -> str:
    """The name of a method's statement within its module."""
    return f"_{method.name.upper()}"


def _structs(method: Method, imports: Imports) -> list[str]:
    lines: list[str] = []
    for argument in method.choices:
        if argument.alias:
            words = Call(f"{imports.use('typing', 'Literal')}[", [*map(literal, argument.of)], "]")
            before = f"{argument.alias.name}: {imports.use('typing', 'TypeAlias')} = "
            lines += ["", "", *layout(words, before=before)]
    if method.input:
        lines += ["", "", *_input(method, imports)]
    if method.row and method.row.own and method.row.shape:
        lines += ["", "", *struct_lines(method.row.shape, imports)]
    return lines


def _input(method: Method, imports: Imports) -> list[str]:
    struct = imports.use(RUNTIME, "Struct")
    options: list[Code] = [struct, "frozen=True", "kw_only=True", "forbid_unknown_fields=True"]
    lines = layout(Call(f"class {method.input}(", options), after=":")
    lines += [*docstring(f"A row that `{method.name}` takes.", "    "), ""]
    for argument in method.arguments:
        text = imports.spell(optional(argument.type.given, argument.nullable))
        default = ""
        if argument.computed:
            field = imports.use(RUNTIME, "field")
            default = f" = {field}(default_factory={imports.spell(UUID7)})"
        elif argument.default is not None:
            default = f" = {imports.spell(argument.default)}"
        lines.append(f"    {argument.name}: {text}{default}")
    return lines


def _statement(
    group: Group, method: Method, tables: Mapping[TableRef, Shape], imports: Imports
) -> list[str]:
    query, label = method.query, ".".join((*group.path, method.name))
    head = f"-- {label}\n"
    options = _options(method, tables, imports, head)
    if query.paging is not None:
        return paged_lines(method, label, constant(method), options, imports)
    if query.dynamic is not None:
        return dynamic_lines(method, label, constant(method), options, imports)
    items: list[Code] = [literal(label), text_lines(head + query.sql.strip("\n"))]
    items += options
    return layout(
        Call(f"{imports.use(RUNTIME, 'Statement')}(", items), before=f"{constant(method)} = "
    )


def _options(
    method: Method, tables: Mapping[TableRef, Shape], imports: Imports, head: str
) -> list[Code]:
    """What a statement says of itself beside its text; `head` begins each text."""
    query, statement = method.query, method.query.statement
    items: list[Code] = []
    if method.arguments:
        items.append(Named("parameters", strings([argument.name for argument in method.arguments])))
    if query.read_only:
        items.append("read_only=True")
    if query.clean:
        items.append("clean=True")
    if query.before_begin and statement.kind in _FETCHED:
        items.append("before_begin=True")
    if method.json not in ("", ANY):
        items.append(f"json={imports.spell(method.json)}")
    if query.tracked is not None:
        if query.dynamic is None:
            items.append(Named("tracked", text_lines(head + query.tracked.sql.strip("\n"))))
        if query.tracked.created:
            items.append("created=True")
    writes = _writes(method, tables, imports)
    if writes:
        close = ",)" if len(writes) == 1 else ")"
        items.append(Named("writes", Call("(", writes, close, hug=False)))
    if statement.timeout is not None:
        items.append(f"timeout={statement.timeout!r}")
    if statement.kind in _SINGLE and query.cardinality == "many":
        items.append("first=True")
    if query.unnested:
        forms: list[Code] = [_unnested(form, imports, head) for form in query.unnested]
        close = ",)" if len(forms) == 1 else ")"
        items.append(Named("unnested", Call("(", forms, close, hug=False)))
    if statement.none not in (None, "NotFound"):
        items.append(f"none={imports.use('.errors', statement.none)}")
    if query.batch is not None and statement.batch is not None:
        shared = _shared(method, query.batch, imports, head)
        batch = f"{imports.use(RUNTIME, 'Batch')}("
        items.append(Named("batch", Call(batch, [shared, f"size={statement.batch.size}"])))
    return items


def _shared(method: Method, batch: Batch, imports: Imports, head: str) -> Code:
    """The statement that concurrent calls share, whose name is that of their own."""
    query, timeout = method.query, method.query.statement.timeout
    name = literal(head.removeprefix("-- ").strip())
    items: list[Code] = [name, text_lines(head + batch.sql.strip("\n"))]
    if query.read_only:
        items.append("read_only=True")
    if query.clean:
        items.append("clean=True")
    if method.json not in ("", ANY):
        items.append(f"json={imports.spell(method.json)}")
    if batch.tracked is not None:
        items.append(Named("tracked", text_lines(head + batch.tracked.strip("\n"))))
    if timeout is not None:
        items.append(f"timeout={timeout!r}")
    return Call(f"{imports.use(RUNTIME, 'Statement')}(", items)


def _unnested(form: Unnested, imports: Imports, head: str) -> Call:
    items: list[Code] = [text_lines(head + form.sql), Named("tail", literal(form.tail))]
    if form.positioned:
        items.append("positioned=True")
    if form.json:
        items.append(f"json={form.json!r}")
    if form.records:
        kinds = [_kind(f"{place}: ", kind) for place, kind in form.records]
        items.append(Named("records", Call("{", kinds, "}", hug=False)))
    return Call(f"{imports.use(RUNTIME, 'Unnested')}(", items)


def _kind(key: str, kind: Json) -> Code:
    if kind.element is not None:
        return Call(f"{key}(", [_kind("", kind.element)], ",)", hug=False)
    if kind.attributes:
        found = [_kind(f"{literal(name)}: ", each) for name, each in kind.attributes]
        return Call(f"{key}{{", found, "}", hug=False)
    return key + literal(kind.name)


def _writes(method: Method, tables: Mapping[TableRef, Shape], imports: Imports) -> list[Code]:
    items: list[Code] = []
    for effect in method.query.writes:
        shape = tables.get(effect.table)
        if shape is None:
            # A system table: nobody can have a hook for it.
            continue
        arguments: list[Code] = [literal(effect.operation), imports.spell(shape.class_.text)]
        if effect.returned:
            arguments.append("returned=True")
            if method.json == BYTES and shape.decoded is not shape:
                made = imports.spell(shape.made_of("row", encoded=True))
                arguments.append(f"build=lambda *row: {made}")
            elif shape.decoded.converts:
                arguments.append(f"build={imports.spell(shape.decoded.builder)}")
        items.append(Call(f"{imports.use(RUNTIME, 'Write')}(", arguments))
    return items
