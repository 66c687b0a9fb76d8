"""The module of the relations: a class for each table that has some, with a loader for each."""

from collections.abc import Sequence
from itertools import groupby

from salacia_db.codegen.emit.database import Member, cached_lines
from salacia_db.codegen.emit.imports import RUNTIME, Imports, reference
from salacia_db.codegen.emit.names import class_name
from salacia_db.codegen.emit.relations import Relation
from salacia_db.codegen.emit.tables import TableObject, sql_type
from salacia_db.codegen.emit.types import base_of
from salacia_db.codegen.emit.writer import STEP, Call, Code, Named, docstring, layout, literal

MODULE = ".relations"
MEMBER = Member(
    "relations", reference(MODULE, "Relations"), "What foreign keys lead to, for many rows at once."
)
_DOC = """What foreign keys lead to, for many rows at once.

A loader gives a list with one item for each row, in their order, by a single statement.
"""
_LOCAL = ("rows", "where", "order_by", "limit", "through")


def loaders_lines(found: Sequence[Relation], hidden: frozenset[str]) -> list[str]:
    """The module, from its docstring on; `found` are by owner."""
    owners = [(owner, list(own)) for owner, own in groupby(found, lambda relation: relation.owner)]
    local = hidden.union(_LOCAL, map(_method, found), map(_constant, found))
    local = local.union(owner.name for owner, _ in owners)
    defined = {"Relations", *(_class(owner) for owner, _ in owners)}
    imports = Imports(MODULE, local, defined)
    base = imports.use(RUNTIME, "Relations")
    statements = [line for relation in found for line in _relation(relation, imports)]
    body: list[str] = []
    for owner, own in owners:
        what = f"{owner.table.ref.schema}.{owner.table.ref.name}"
        body += ["", "", f"class {_class(owner)}({base}):"]
        body += docstring(f"What rows of `{what}` lead to.", STEP)
        for relation in own:
            body += ["", *_loader(relation, imports)]
    body += ["", "", f"class Relations({base}):", *docstring(_DOC, STEP)]
    for owner, _ in owners:
        member = Member(owner.name, _class(owner), f"What rows of `{owner.name}` lead to.")
        body += ["", *cached_lines(member, imports, session="self._session")]
    doc = docstring("Relations by foreign keys: one statement, whatever the number of rows.")
    return [*doc, "", *imports.lines(), "", *statements, *body]


def _class(owner: TableObject) -> str:
    return f"{class_name(owner.name)}Relations"


def _method(relation: Relation) -> str:
    return f"load_{relation.name}"


def _constant(relation: Relation) -> str:
    return f"_{relation.owner.name}__{relation.name}".upper()


def _relation(relation: Relation, imports: Imports) -> list[str]:
    owner, target, between = relation.owner, relation.target, relation.between
    other = target if between is None else between.table
    types = {column.name: base_of(column.type) for column in owner.table.columns}
    items: list[Code] = [literal(f"{owner.name}.{_method(relation)}")]
    items += [imports.spell(owner.shape.class_.text), imports.spell(target.shape.class_.text)]
    for column, to in relation.pairs:
        key: list[Code] = [_column(owner, column, imports), literal(sql_type(types[column]))]
        key.append(_column(other, to, imports))
        items.append(Call(f"{imports.use(RUNTIME, 'Link')}(", key))
    if between is not None:
        pairs: list[Code] = [imports.spell(between.table.shape.class_.text)]
        for ours, theirs in between.pairs:
            pair = (_column(between.table, ours, imports), _column(target, theirs, imports))
            pairs.append(Call("(", pair, hug=False))
        items.append(Named("through", Call(f"{imports.use(RUNTIME, 'Through')}(", pairs)))
    return layout(
        Call(f"{imports.use(RUNTIME, 'Relation')}(", items), before=f"{_constant(relation)} = "
    )


def _column(table: TableObject, column: str, imports: Imports) -> str:
    return f"{imports.spell(table.text)}.{table.field(column)}"


def _loader(relation: Relation, imports: Imports) -> list[str]:
    struct = imports.spell(relation.target.shape.class_.text)
    array = imports.use("builtins", "list")
    iterable = imports.use("collections.abc", "Iterable")
    rows = f"rows: {iterable}[{imports.spell(relation.owner.shape.class_.text)}]"
    condition = imports.use(RUNTIME, "Condition")
    where = f"where: {condition} | None = None"
    constant = _constant(relation)
    given = ["self._session", "rows"]
    if relation.kind == "many":
        integer = imports.use("builtins", "int")
        more = [
            f"order_by: {imports.use(RUNTIME, 'OrderBy')} = ()",
            f"limit: {integer} | None = None",
        ]
        call = Call(f"await {constant}.many(", [*given, "where", "order_by", "limit"])
        result = f"{array}[{array}[{struct}]]"
        return _method_lines(relation, ["self", rows, "*", where, *more], result, [call])
    optional = f"{array}[{struct} | None]"
    call = Call(f"await {constant}.one(", [*given, "where"])
    if relation.kind == "one":
        return _method_lines(relation, ["self", rows, "*", where], optional, [call])
    overload = imports.use("typing", "overload")
    return [
        f"{STEP}@{overload}",
        *_head(relation, ["self", rows], f"{array}[{struct}]", " ..."),
        "",
        f"{STEP}@{overload}",
        *_head(relation, ["self", rows, "*", where.removesuffix(" = None")], optional, " ..."),
        "",
        *_method_lines(
            relation,
            ["self", rows, "*", where],
            f"{array}[{struct}] | {optional}",
            [Call(f"await {constant}.required(", given), call],
        ),
    ]


def _head(relation: Relation, parameters: Sequence[str], result: str, after: str = "") -> list[str]:
    head = Call(f"async def {_method(relation)}(", parameters)
    return layout(head, indent=STEP, after=f" -> {result}:{after}")


def _method_lines(
    relation: Relation,
    parameters: Sequence[str],
    result: str,
    calls: Sequence[Call],
) -> list[str]:
    lines = [*_head(relation, parameters, result), *docstring(_doc(relation), STEP * 2)]
    if len(calls) > 1:
        lines.append(f"{STEP * 2}if where is None:")
        lines += layout(calls[0], indent=STEP * 3, before="return ")
    return [*lines, *layout(calls[-1], indent=STEP * 2, before="return ")]


def _doc(relation: Relation) -> str:
    target = f"`{relation.target.table.ref.name}`"
    by = " and ".join(f"`{column}`" for column in relation.key.columns)
    refer = "refer" if relation.key.columns[1:] else "refers"
    if relation.between is not None:
        return f"For each row those of {target} through `{relation.between.table.table.ref.name}`."
    if relation.end == "parent":
        gone = " Raises `NotFound` where one is gone." if relation.kind == "required" else ""
        return f"For each row that of {target} which {by} {refer} to.{gone}"
    which = "that" if relation.kind == "one" else "those"
    return f"For each row {which} of {target} whose {by} {refer} to it."
