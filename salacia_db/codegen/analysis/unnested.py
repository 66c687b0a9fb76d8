"""A `:bulk` statement as one that takes a list for each parameter, where that does the same.

`:bulk` means: run the statement for one entry after the other. One statement over all entries is
about twice as fast, and does the same where no entry can see what another one has done. They travel
as lists for `unnest`, or as records of JSON: `tests/bulk_forms.py` tells which is the faster.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from salacia_db.codegen.analysis.calls import called, only_reading
from salacia_db.codegen.analysis.catalog import FIRST_USER_OID, Catalog, Relation
from salacia_db.codegen.analysis.server import Parsed, Server
from salacia_db.codegen.analysis.tree import Node, Value
from salacia_db.codegen.analysis.unnesting import XID, Entries, unnest_change, unnest_insert
from salacia_db.codegen.analysis.walk import DELETE, INSERT, UPDATE, descend, events
from salacia_db.codegen.facts import Json, PgType, Tracked, Unnested
from salacia_db.codegen.source.lexer import lex

_DO_UPDATE = 2  # OnConflictAction
_SUBQUERY, _FUNCTION, _CTE = 1, 3, 6  # RTEKind
_BOOLEAN, _INT8, _XID8 = 16, 20, 5069
_NO_MATTER = ("location", "varnosyn", "varattnosyn", "varnullingrels")
# Written without a length, these would be of one character.
_ANY_LENGTH = {"character": "bpchar", "bit": '"bit"'}
# What the driver takes as an element of an array as it takes it alone.
_ELEMENTS = frozenset(
    """
    bit bool bpchar bytea cidr citext date float4 float8 hstore inet int2 int4 int8 interval json
    jsonb ltree name numeric oid pg_lsn text time timestamp timestamptz timetz uuid varbit varchar
    xid8
    """.split()
)

# What JSON says as exactly as the driver does; of others the text is inexact, or slower to read.
_IN_JSON = {
    **dict.fromkeys(("int2", "int4", "int8"), "int"),
    **dict.fromkeys(("text", "varchar", "bpchar", "citext"), "text"),
    **{name: name for name in ("bool", "date", "numeric", "timestamp", "timestamptz", "uuid")},
    "float8": "float",
}


def unnest(
    sql: str, parsed: Parsed, tracked: Tracked | None, server: Server, catalog: Catalog
) -> tuple[Unnested, ...]:
    """The forms for many rows at once that are proven to do the same, the fastest first.

    The statement touches at most one row, and leaves the session as it was. `tracked` is its form
    that tells the transaction's number, on which these build.
    """
    query = parsed.main
    types = [catalog.types[oid] for oid in parsed.parameters if oid in catalog.types]
    if query is None or tracked is None or not types or len(types) < len(parsed.parameters):
        return ()
    relation = _target(query, parsed.written, catalog)
    if relation is None or not _is_alone(
        query, relation, [*types, *(c.type for c in relation.table.columns)], catalog
    ):
        return ()
    inserts = query.number("commandType") == INSERT
    if inserts and relation.deferrable and _updates(query):
        return ()
    if not inserts and not _is_steady(query, relation, catalog):
        return ()
    shown = [_of_any_length(type_.display) for type_ in types]
    written = _Written(sql, parsed, tracked, query, server)
    ways = [Entries(shown, records) for records in _records(types)]
    made = written.insert if inserts else written.change
    json = tuple(n for n, type_ in enumerate(types) if _base(type_).name in ("json", "jsonb"))
    found: list[Unnested] = []
    for entries in ways:
        form = made(entries)
        if form is not None:
            kinds = ((n, kind) for n in sorted(entries.records) if (kind := _in_json(types[n])))
            found.append(replace(form, json=json, records=tuple(kinds)))
    return tuple(found)


def _records(types: Sequence[PgType]) -> list[frozenset[int]]:
    """For each way that the entries can travel, the parameters that do so in JSON."""
    able = frozenset(n for n, type_ in enumerate(types) if _in_json(type_) is not None)
    listed = frozenset(n for n, type_ in enumerate(types) if _is_element(type_))
    every = frozenset(range(len(types)))
    ways: list[frozenset[int]] = []
    if able and able | listed == every and (able == every or listed != every):
        ways.append(able)
    if listed == every:
        ways.append(frozenset())
    return ways


class _Written(NamedTuple):
    """Writes the statement for many entries, and asks the server whether it means the same."""

    sql: str
    parsed: Parsed
    tracked: Tracked
    query: Node
    server: Server

    def insert(self, entries: Entries) -> Unnested | None:
        end = next(token.end for token in reversed(lex(self.sql)) if token.significant)
        text, tail = unnest_insert(self.sql[:end], entries), self.tracked.sql[end:]
        extra = (_BOOLEAN, _XID8) if self.tracked.created else (_XID8,)
        again = _parsed(text, tail, self.parsed, self.server, extra)
        if text is None or again is None:
            return None
        if _inserted(self.query, ()) != _inserted(again, entries.order):
            return None
        return Unnested(text, tail)

    def change(self, entries: Entries) -> Unnested | None:
        text, tail = unnest_change(self.tracked.sql, entries), f", {XID}"
        again = _parsed(text, tail, self.parsed, self.server, (_INT8, _INT8, _XID8))
        if text is None or again is None or _changed(self.query) != _changed(again):
            return None
        return Unnested(text, tail, positioned=True)


def _parsed(
    text: str | None, tail: str, parsed: Parsed, server: Server, extra: tuple[int, ...]
) -> Node | None:
    """What the server makes of the text, if it gives the same rows, and these types after them."""
    again = None if text is None else server.parse(text + tail)
    if not isinstance(again, Parsed):
        return None
    at = len(parsed.columns)
    if again.columns[:at] != parsed.columns or tuple(c.type for c in again.columns[at:]) != extra:
        return None
    return again.main


def _of_any_length(display: str) -> str:
    element, array, rest = display.partition("[]")
    return _ANY_LENGTH.get(element, element) + array + rest


def _base(type_: PgType) -> PgType:
    while type_.kind == "domain" and type_.element is not None:
        type_ = type_.element
    return type_


def _in_json(type_: PgType) -> Json | None:
    """How JSON writes values of the type; None where it can't."""
    base = _base(type_)
    if base.kind == "enum":
        return Json("label")
    if base.kind == "array" and base.element is not None:
        element = _in_json(base.element)
        return None if element is None or element.element is not None else Json(element=element)
    if base.kind == "composite":
        found = [(name, _in_json(attribute)) for name, attribute in base.attributes]
        attributes = tuple((name, kind) for name, kind in found if kind is not None)
        whole = len(attributes) == len(found) and len(found) > 0
        return Json(attributes=attributes) if whole else None
    name = _IN_JSON.get(base.name) if base.kind == "base" else None
    return None if name is None else Json(name)


def _is_element(type_: PgType) -> bool:
    base = _base(type_)
    return base.kind in ("enum", "range") or (base.kind == "base" and base.name in _ELEMENTS)


# --- whether entries are independent --------------------------------------------------------------


def _target(query: Node, written: Node | None, catalog: Catalog) -> Relation | None:
    """The one table that is written, if the statement names it, and not a view of it."""
    oids: list[int] = []
    for tree in (query, written):
        entries, number = ([], 0) if tree is None else _entries(tree)
        oids.append(entries[number - 1].number("relid") if 0 < number <= len(entries) else 0)
    relation = catalog.relations.get(oids[0])
    if oids[0] != oids[1] or relation is None or relation.table.kind not in ("r", "p"):
        return None
    return relation


def _entries(query: Node) -> tuple[list[Node], int]:
    return query.nodes("rtable"), query.number("resultRelation")


def _is_alone(query: Node, relation: Relation, types: list[PgType], catalog: Catalog) -> bool:
    """Whether nothing that the statement calls or sets off could see another entry's row."""
    if relation.rules or relation.foreign or relation.row_security:
        return False
    raised = events(query)
    if any(t.events & raised and not t.only_writes for t in relation.triggers):
        return False
    nodes = list(descend(query))
    if any(node.tag in ("SUBLINK", "COMMONTABLEEXPR") for node in nodes):
        return False
    if sum(node.tag == "QUERY" for node in nodes) > 1:
        return False
    functions = {oid for node in nodes for oid in called(node, catalog.operators)}
    functions |= relation.check_functions
    for type_ in types:
        for each in (type_, _base(type_)):
            functions |= catalog.domain_functions.get(each.oid, frozenset())
    return all(_is_plain(oid, catalog) for oid in functions) and not _comes_back(relation, catalog)


def _is_plain(oid: int, catalog: Catalog, within: frozenset[int] = frozenset()) -> bool:
    """Whether the function reads no table: PostgreSQL's own, an extension's in C, or seen through.

    `within` are the functions whose bodies call it.
    """
    function = catalog.functions.get(oid)
    if function is None or oid < FIRST_USER_OID or function.language == "c":
        return function is not None
    nodes = only_reading(function.body) if function.body and oid not in within else ()
    functions = {each for node in nodes for each in called(node, catalog.operators)}
    return (
        bool(nodes)
        and not any(node.number("relid") for node in nodes)
        and all(_is_plain(each, catalog, within | {oid}) for each in functions)
    )


def _comes_back(relation: Relation, catalog: Catalog) -> bool:
    """Whether foreign keys lead from the table to itself, or to what its own changes reach."""
    reached: set[int] = set()
    coming = {relation.table.oid}
    while coming:
        oid = coming.pop()
        reached.add(oid)
        known = catalog.relations.get(oid)
        coming |= (known.cascades if known is not None else frozenset()) - reached
    tables = {catalog.relations[oid].table.ref for oid in reached if oid in catalog.relations}
    return any(key.table in tables for key in relation.table.foreign_keys)


def _updates(query: Node) -> bool:
    conflict = query.node("onConflict")
    return conflict is not None and conflict.number("action") == _DO_UPDATE


def _is_steady(query: Node, relation: Relation, catalog: Catalog) -> bool:
    """Whether no entry's change decides which row another entry finds, or whether it may be made.

    Two entries for one row are told when it runs, as long as both find it beforehand.
    """
    condition = _condition(query)
    if condition is None or query.number("commandType") not in (UPDATE, DELETE):
        return False
    functions = {oid for node in descend(condition) for oid in called(node, catalog.operators)}
    if any(catalog.functions[oid].volatility == "v" for oid in functions):
        return False
    if query.number("commandType") == DELETE:
        return True
    changed = {e.number("resno") for e in query.nodes("targetList") if not e.flag("resjunk")}
    changed |= {c.number for c in relation.table.columns if c.generated}
    # Between two changes a key may be taken that is free after both.
    if relation.table.kind == "p" or 0 in relation.exclusive or changed & relation.exclusive:
        return False
    return not any(_depends(part, changed) for part in _conjuncts(condition))


def _conjuncts(condition: Node) -> list[Node]:
    if condition.tag == "BOOLEXPR" and condition.get("boolop") == "and":
        return [part for each in condition.nodes("args") for part in _conjuncts(each)]
    return [condition]


def _depends(part: Node, changed: set[int]) -> bool:
    """Whether a condition looks at what is changed, and not for every entry in the same way."""
    nodes = list(descend(part))
    looked = {node.number("varattno") for node in nodes if node.tag == "VAR"}
    touched = bool(looked & changed) or any(number <= 0 for number in looked)
    return touched and any(node.tag == "PARAM" for node in nodes)


# --- whether the two texts say the same -----------------------------------------------------------


def _condition(query: Node) -> Node | None:
    tree = query.node("jointree")
    return None if tree is None else tree.node("quals")


def _source(query: Node, kind: int) -> int:
    """The number of the entry of this kind in the range table; 0 where there is none."""
    entries = enumerate(query.nodes("rtable"), 1)
    return next((number for number, e in entries if e.number("rtekind") == kind), 0)


def _changed(query: Node) -> Value:
    """Condition, assignments and result of an UPDATE or DELETE; parameters are columns of `"$"`."""
    source = _source(query, _CTE)
    shape = _shaper(lambda node: _parameter(node, source, ()))
    entries = [e for e in query.nodes("targetList") if not e.flag("resjunk")]
    returned = query.nodes("returningList")
    # The last three of the form for many rows are its own.
    returned = returned[:-3] if source else returned
    return [
        shape(_condition(query)),
        [[e.number("resno"), shape(e.node("expr"))] for e in entries],
        [shape(e.node("expr")) for e in returned],
    ]


def _inserted(query: Node, order: Sequence[int]) -> Value:
    """What an INSERT puts where; the columns of its subquery are looked through.

    `order` is that in which the columns of `"$"` stand for the parameters.
    """
    number = _source(query, _SUBQUERY)
    subquery = query.nodes("rtable")[number - 1].node("subquery") if number else None
    inner: Callable[[Value], Value] = _shaper(
        lambda node: _parameter(
            node, 0 if subquery is None else _source(subquery, _FUNCTION), order
        )
    )

    def through(node: Node) -> Value:
        if subquery is None or node.tag != "VAR" or node.number("varno") != number:
            return _parameter(node, 0, ())
        found = subquery.nodes("targetList")[node.number("varattno") - 1 :]
        return inner(found[0].node("expr")) if found else None

    shape = _shaper(through)
    return [[e.number("resno"), shape(e.node("expr"))] for e in query.nodes("targetList")]


def _parameter(node: Node, source: int, order: Sequence[int]) -> Value:
    """What stands for a parameter, or for the column of `source` in its place; else None."""
    if node.tag == "PARAM":
        number, found = node.number("paramid"), ("paramtype", "paramtypmod", "paramcollid")
    elif node.tag == "VAR" and source and node.number("varno") == source:
        number, found = node.number("varattno"), ("vartype", "vartypmod", "varcollid")
        if 0 < number <= len(order):
            number = order[number - 1] + 1
    else:
        return None
    return ["parameter", number, *(node.number(name) for name in found)]


def _shaper(replaced: Callable[[Node], Value]) -> Callable[[Value], Value]:
    """A function that makes values of trees that can be compared, without places."""

    def shape(value: Value) -> Value:
        if isinstance(value, Node):
            found = replaced(value)
            if found is not None:
                return found
            fields = value.fields.items()
            return [value.tag, *([n, shape(v)] for n, v in fields if n not in _NO_MATTER)]
        return [shape(each) for each in value] if isinstance(value, list) else value

    return shape
